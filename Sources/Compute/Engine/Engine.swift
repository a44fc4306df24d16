internal import CConvolutionKernels
internal import CDNNL

/// oneDNN's CPU engine: one for the process, thread-safe by oneDNN's own word.
///
/// Nothing outside this folder and `TensorLayout` speaks to oneDNN, and nothing outside `CDNNL` knows
/// which version of it there is.
@safe final class Engine: @unchecked Sendable {
  // Sendable: oneDNN documents engines as safe to share between threads, and `handle` never changes.

  @unsafe let handle: fd_engine

  private init() throws(ComputeError) {
    unsafe handle = try unsafe make("CPU engine") { unsafe fd_engine_create(&$0) }
  }

  private static let creation: Result<Engine, ComputeError> = {
    do throws(ComputeError) { return .success(try Engine()) } catch { return .failure(error) }
  }()

  /// The engine, made at its first use.
  static var shared: Engine {
    get throws(ComputeError) { try creation.get() }
  }
}

extension Engine {
  /// Whether a layer's biases are added to its sums before these are scaled, or after.
  static let addsBiasesBeforeScales = fd_bias_before_scales()

  /// How many channels lie side by side for Winograd's convolutions: as many floats as a vector of the
  /// CPU has; `nil` on CPUs without AVX2 and FMA.
  ///
  /// Asked of oneDNN as well, so that both heed DNNL_MAX_CPU_ISA and their layouts agree.
  static let winogradLanes: Int? = {
    let lanes = fd_has(fd_instructions_avx512) ? 16 : fd_has(fd_instructions_avx2) ? 8 : 0
    return lanes > 0 && lanes <= Int(winograd_most_lanes()) ? lanes : nil
  }()

  /// Whether the CPU multiplies bytes and adds up in 32 bits in one step (AVX-512 or AVX VNNI).
  static let hasVNNI = fd_has(fd_instructions_vnni)

  /// Whether the CPU multiplies bfloat16 (AVX512_BF16).
  static let hasBFloat16 = fd_has(fd_instructions_bf16)

  /// Whether the CPU multiplies tiles of bfloat16 (AMX), at eight times the rate of its vectors.
  static let hasMatrixTiles = fd_has(fd_instructions_amx)
}

extension Engine {
  /// result = alpha * first * second + beta * result.
  @unsafe static func multiply(
    _ first: MatrixProduct.Operand, _ second: MatrixProduct.Operand, rows: Int, inner: Int,
    columns: Int, alpha: Float, beta: Float, into result: UnsafeMutableBufferPointer<Float>
  ) throws(ComputeError) {
    try unsafe check(
      fd_sgemm(
        first.isTransposed, second.isTransposed, Int64(rows), Int64(columns), Int64(inner), alpha,
        first.values.baseAddress, Int64(first.stride), second.values.baseAddress,
        Int64(second.stride), beta, result.baseAddress, Int64(columns)),
      "matrix product")
  }
}

/// Throws unless a call of the facade succeeded.
func check(_ status: Int32, _ operation: @autoclosure () -> String) throws(ComputeError) {
  guard status == 0 else {
    let reason = unsafe fd_reason(status).map { unsafe String(cString: $0) }
    throw ComputeError(operation: operation(), reason: reason ?? "status \(status)")
  }
}

/// Makes one of the facade's objects, which the caller owns.
func make(
  _ operation: @autoclosure () -> String, _ create: (inout OpaquePointer?) -> Int32
) throws(ComputeError) -> OpaquePointer {
  var handle: OpaquePointer?
  try unsafe check(create(&handle), operation())
  guard let handle = unsafe handle else {
    throw ComputeError(operation: operation(), reason: "oneDNN returned none")
  }
  return unsafe handle
}
