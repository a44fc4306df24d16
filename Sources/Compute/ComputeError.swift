internal import CDNNL

/// Why the engine could not build or run something.
public struct ComputeError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What was being done, with the layer's name and shapes where there are any.
  public let operation: String

  /// What oneDNN answered.
  public let reason: String

  /// Makes an error.
  public init(operation: String, reason: String) {
    self.operation = operation
    self.reason = reason
  }

  init(operation: String, status: dnnl_status_t) {
    let reason =
      switch status {
      case dnnl_out_of_memory: "out of memory"
      case dnnl_invalid_arguments: "invalid arguments"
      case dnnl_unimplemented: "no implementation on this CPU"
      case dnnl_iterator_ends: "no further implementation"
      case dnnl_runtime_error: "runtime error"
      case dnnl_not_required: "not required"
      default: "status \(status.rawValue)"
      }
    self.init(operation: operation, reason: reason)
  }

  /// The system has no memory to give.
  static func outOfMemory(byteCount: Int) -> ComputeError {
    ComputeError(
      operation: "memory for weights or activations",
      reason:
        "the system has no \(byteCount) bytes: allow the process more, or ask for less at once")
  }

  /// One sentence that says what failed and why.
  public var description: String { "\(operation): \(reason)" }
}

/// Throws unless a oneDNN call succeeded.
func check(_ status: dnnl_status_t, _ operation: @autoclosure () -> String) throws(ComputeError) {
  guard status == dnnl_success else {
    throw ComputeError(operation: operation(), status: status)
  }
}
