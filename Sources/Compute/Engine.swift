internal import CConvolutionKernels
internal import CDNNL

/// oneDNN's CPU engine: one for the process, thread-safe by oneDNN's own word.
///
/// Requires oneDNN 2.x, which the C module checks when it is compiled.
@safe final class Engine: @unchecked Sendable {
  // Sendable: oneDNN documents engines as safe to share between threads, and `handle` never changes.

  @unsafe let handle: dnnl_engine_t

  private init() throws(ComputeError) {
    var handle: dnnl_engine_t?
    try unsafe check(dnnl_engine_create(&handle, dnnl_cpu, 0), "CPU engine")
    guard let handle = unsafe handle else {
      throw ComputeError(operation: "CPU engine", reason: "oneDNN returned none")
    }
    unsafe self.handle = handle
  }

  private static let creation: Result<Engine, ComputeError> = {
    do throws(ComputeError) { return .success(try Engine()) } catch { return .failure(error) }
  }()

  /// How many channels lie side by side for Winograd's convolutions: as many floats as a vector of the
  /// CPU has; `nil` on CPUs without AVX2 and FMA.
  ///
  /// Asked of oneDNN as well, so that both heed DNNL_MAX_CPU_ISA and their layouts agree.
  static let winogradLanes: Int? = {
    let wanted =
      switch dnnl_get_effective_cpu_isa() {
      case dnnl_cpu_isa_avx512_core, dnnl_cpu_isa_avx512_core_vnni, dnnl_cpu_isa_avx512_core_bf16,
        dnnl_cpu_isa_avx512_core_amx:
        16
      case dnnl_cpu_isa_avx2, dnnl_cpu_isa_avx2_vnni: 8
      default: 0
      }
    return wanted > 0 && wanted <= Int(winograd_most_lanes()) ? wanted : nil
  }()

  /// Whether the CPU multiplies bytes and adds up in 32 bits in one step (AVX-512 or AVX VNNI).
  static let hasVNNI: Bool = {
    switch dnnl_get_effective_cpu_isa() {
    case dnnl_cpu_isa_avx2_vnni, dnnl_cpu_isa_avx512_core_vnni, dnnl_cpu_isa_avx512_core_bf16,
      dnnl_cpu_isa_avx512_core_amx:
      true
    default: false
    }
  }()

  /// Whether the CPU multiplies bfloat16 (AVX512_BF16).
  static let hasBFloat16: Bool = {
    switch dnnl_get_effective_cpu_isa() {
    case dnnl_cpu_isa_avx512_core_bf16, dnnl_cpu_isa_avx512_core_amx: true
    default: false
    }
  }()

  /// Whether the CPU multiplies tiles of bfloat16 (AMX), at eight times the rate of its vectors.
  static let hasMatrixTiles: Bool = dnnl_get_effective_cpu_isa() == dnnl_cpu_isa_avx512_core_amx

  /// The engine, made at its first use.
  static var shared: Engine {
    get throws(ComputeError) { try creation.get() }
  }
}

/// A stream, which runs primitives in order in the thread that calls.
@safe final class Stream {
  @unsafe let handle: dnnl_stream_t

  init() throws(ComputeError) {
    var handle: dnnl_stream_t?
    try unsafe check(
      dnnl_stream_create(&handle, Engine.shared.handle, dnnl_stream_default_flags.rawValue),
      "stream")
    guard let handle = unsafe handle else {
      throw ComputeError(operation: "stream", reason: "oneDNN returned none")
    }
    unsafe self.handle = handle
  }

  deinit { unsafe _ = dnnl_stream_destroy(handle) }
}

/// A tensor's place in memory as oneDNN sees it: a layout and an address that may be set later.
@safe final class Memory {
  @unsafe let handle: dnnl_memory_t
  let layout: TensorLayout

  /// A tensor whose address `bind` sets before it is used.
  convenience init(_ layout: TensorLayout) throws(ComputeError) {
    // Without an address the memory object owns nothing: DNNL_MEMORY_NONE is a null pointer.
    try unsafe self.init(layout, at: nil)
  }

  /// A tensor at an address, where the caller keeps `layout.byteCount` bytes alive.
  @unsafe init(_ layout: TensorLayout, at address: UnsafeMutableRawPointer?) throws(ComputeError) {
    var handle: dnnl_memory_t?
    try unsafe check(
      withUnsafePointer(to: layout.descriptor) {
        unsafe dnnl_memory_create(&handle, $0, engineHandle(), address)
      }, "memory of \(layout.shape)")
    guard let handle = unsafe handle else {
      throw ComputeError(operation: "memory of \(layout.shape)", reason: "oneDNN returned none")
    }
    unsafe self.handle = handle
    self.layout = layout
  }

  /// Points the tensor at bytes that the caller keeps alive and large enough.
  func bind(_ address: UnsafeMutableRawPointer) throws(ComputeError) {
    try unsafe check(dnnl_memory_set_data_handle(handle, address), "memory of \(layout.shape)")
  }

  /// Where the tensor begins, once it has an address.
  @unsafe var address: UnsafeMutableRawPointer {
    var address: UnsafeMutableRawPointer?
    guard unsafe dnnl_memory_get_data_handle(handle, &address) == dnnl_success,
      let address = unsafe address
    else { preconditionFailure("a tensor of \(layout.shape) without an address") }
    return unsafe address
  }

  deinit { unsafe _ = dnnl_memory_destroy(handle) }
}

/// The engine's handle, or a null one that oneDNN answers with an error.
private func engineHandle() -> dnnl_engine_t? {
  unsafe (try? Engine.shared)?.handle
}

/// A kernel that oneDNN chose for a layer, with the layouts that it wants.
@safe final class PrimitiveDescriptor {
  @unsafe let handle: dnnl_primitive_desc_t

  /// Describes an operation with its post-ops; oneDNN picks the best kernel that the CPU has.
  init(
    _ operation: UnsafeRawPointer, attributes: Attributes, name: String
  ) throws(ComputeError) {
    var handle: dnnl_primitive_desc_t?
    try unsafe check(
      dnnl_primitive_desc_create(
        &handle, operation, attributes.handle, Engine.shared.handle, nil), name)
    guard let handle = unsafe handle else {
      throw ComputeError(operation: name, reason: "oneDNN returned no kernel")
    }
    unsafe self.handle = handle
  }

  /// Describes a change of layout.
  init(
    reorderingFrom source: TensorLayout, to destination: TensorLayout,
    attributes: Attributes, name: String
  ) throws(ComputeError) {
    var handle: dnnl_primitive_desc_t?
    let engine = try unsafe Engine.shared.handle
    try unsafe check(
      withUnsafePointer(to: source.descriptor) { source in
        unsafe withUnsafePointer(to: destination.descriptor) { destination in
          unsafe dnnl_reorder_primitive_desc_create(
            &handle, source, engine, destination, engine, attributes.handle)
        }
      }, name)
    guard let handle = unsafe handle else {
      throw ComputeError(operation: name, reason: "oneDNN returned no kernel")
    }
    unsafe self.handle = handle
  }

  deinit { unsafe _ = dnnl_primitive_desc_destroy(handle) }

  /// The layout that the kernel wants one of its tensors in.
  func layout(_ query: dnnl_query_t, _ index: Int32 = 0) -> TensorLayout {
    guard let descriptor = unsafe dnnl_primitive_desc_query_md(handle, query, index) else {
      return TensorLayout(dnnl_memory_desc_t())
    }
    return unsafe TensorLayout(descriptor.pointee)
  }

  /// Whether the kernel is oneDNN's plain loop, which is a hundred times slower than the others.
  var isReference: Bool { kernelName.hasPrefix("ref") }

  /// The kernel's own name, as `jit:avx512_core` or `brgemm:avx512_core`.
  var kernelName: String {
    var text: UnsafePointer<CChar>?
    let status = unsafe dnnl_primitive_desc_query(handle, dnnl_query_impl_info_str, 0, &text)
    guard status == dnnl_success, let text = unsafe text else { return "unknown" }
    return unsafe String(cString: text)
  }
}

/// Post-ops and where a primitive takes its scratch memory from: the caller, always.
@safe final class Attributes {
  @unsafe let handle: dnnl_primitive_attr_t

  /// Makes attributes.
  ///
  /// - Parameters:
  ///   - activation: what follows the operation.
  ///   - addsToOutput: whether the result is added to what the output holds.
  ///   - scales: what the result is multiplied with first: one factor, or one for each index of
  ///     `scaledAxis`; empty for none.
  ///   - scaledAxes: bit n says that scales differ along axis n of the result.
  /// - Throws: `ComputeError` where oneDNN refuses them.
  init(
    activation: Network.Activation = .none, addsToOutput: Bool = false, scales: [Float] = [],
    scaledAxes: Int32 = 1
  ) throws(ComputeError) {
    var attributes: dnnl_primitive_attr_t?
    try unsafe check(dnnl_primitive_attr_create(&attributes), "attributes")
    guard let handle = unsafe attributes else {
      throw ComputeError(operation: "attributes", reason: "oneDNN returned none")
    }
    unsafe self.handle = handle
    try unsafe check(
      dnnl_primitive_attr_set_scratchpad_mode(handle, dnnl_scratchpad_mode_user), "attributes")
    if !scales.isEmpty {
      try unsafe check(
        dnnl_primitive_attr_set_output_scales(
          handle, dnnl_dim_t(scales.count), scales.count == 1 ? 0 : scaledAxes, scales),
        "output scales")
    }
    guard addsToOutput || activation != .none else { return }
    var operations: dnnl_post_ops_t?
    try unsafe check(dnnl_post_ops_create(&operations), "post-ops")
    defer { unsafe _ = dnnl_post_ops_destroy(operations) }
    if addsToOutput {
      try unsafe check(dnnl_post_ops_append_sum(operations, 1), "sum")
    }
    for (algorithm, alpha, beta) in activation.postOperations {
      try unsafe check(
        dnnl_post_ops_append_eltwise(operations, 1, algorithm, alpha, beta), "activation")
    }
    try unsafe check(dnnl_primitive_attr_set_post_ops(handle, operations), "post-ops")
  }

  deinit { unsafe _ = dnnl_primitive_attr_destroy(handle) }
}

extension Network.Activation {
  /// What oneDNN does to each value in turn.
  fileprivate var postOperations: [(dnnl_alg_kind_t, Float, Float)] {
    switch self {
    case .none: []
    case .relu: [(dnnl_eltwise_relu, 0, 0)]
    case .relu6: [(dnnl_eltwise_clip, 0, 6)]
    case .hardSwish: [(dnnl_eltwise_hardswish, 0, 0)]
    case .hardSigmoid: [(dnnl_eltwise_linear, 1 / 6, 0.5), (dnnl_eltwise_clip, 0, 1)]
    case .silu: [(dnnl_eltwise_swish, 1, 0)]
    case .sigmoid: [(dnnl_eltwise_logistic, 0, 0)]
    }
  }
}

/// A kernel ready to run.
@safe final class Primitive {
  @unsafe let handle: dnnl_primitive_t

  init(_ descriptor: PrimitiveDescriptor, name: String) throws(ComputeError) {
    var handle: dnnl_primitive_t?
    try unsafe check(dnnl_primitive_create(&handle, descriptor.handle), name)
    guard let handle = unsafe handle else {
      throw ComputeError(operation: name, reason: "oneDNN returned no primitive")
    }
    unsafe self.handle = handle
  }

  deinit { unsafe _ = dnnl_primitive_destroy(handle) }
}
