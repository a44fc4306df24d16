internal import CDNNL

/// An operation with the kernel that oneDNN chose for it, and the layouts that this wants.
@safe final class PrimitiveDescriptor {
  @unsafe let handle: fd_operation

  /// Takes over what a call of the facade makes.
  init(
    name: String, _ create: (inout fd_operation?, fd_engine) -> Int32
  ) throws(ComputeError) {
    let engine = try Engine.shared
    unsafe handle = try unsafe make(name) { unsafe create(&$0, engine.handle) }
  }

  deinit { unsafe fd_operation_destroy(handle) }

  var sourceLayout: TensorLayout { layout(fd_tensor_source) }
  var weightsLayout: TensorLayout { layout(fd_tensor_weights) }
  var destinationLayout: TensorLayout { layout(fd_tensor_destination) }
  var scratchpadLayout: TensorLayout { layout(fd_tensor_scratchpad) }

  private func layout(_ tensor: fd_tensor) -> TensorLayout {
    do throws(ComputeError) {
      return try unsafe TensorLayout("layout of a kernel's tensor") {
        unsafe fd_operation_layout(&$0, handle, tensor)
      }
    } catch {
      // Copies some hundred bytes of what exists.
      preconditionFailure("\(error)")
    }
  }

  /// The bytes of source, result and scratch memory.
  var workingByteCount: Int {
    sourceLayout.byteCount + destinationLayout.byteCount + scratchpadLayout.byteCount
  }

  /// Whether the kernel is oneDNN's plain loop, which is a hundred times slower than the others.
  var isReference: Bool { kernelName.hasPrefix("ref") }

  /// The kernel's own name, as `jit:avx512_core` or `brgemm:avx512_core`.
  var kernelName: String { unsafe String(cString: fd_operation_kernel(handle)) }
}
