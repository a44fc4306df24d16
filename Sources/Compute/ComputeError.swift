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
