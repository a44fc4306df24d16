internal import Synchronization

extension Detector {
  /// Detects objects in one picture or feature map, without a thread that waits.
  ///
  /// A task that is cancelled stops the work between two stages.
  ///
  /// - Parameters:
  ///   - input: a picture, or the features of one.
  ///   - parameters: what this call wants otherwise than the model says.
  /// - Returns: proposals and objects in pixels of the original picture.
  /// - Throws: `DetectorError`; `cancelled` where the task was.
  public func result(
    of input: DetectorInput, parameters: DetectionParameters = DetectionParameters()
  ) async throws(DetectorError) -> DetectionResult {
    let cancellation = Cancellation()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        session.start { (session) throws(DetectorError) in
          try Self.detect(input, parameters, by: session) { cancellation.isCancelled }
        } then: { result in
          continuation.resume(returning: result)
        }
      }
    } onCancel: {
      cancellation.cancel()
    }
    return try result.get()
  }

  /// Whether the task was cancelled.
  private final class Cancellation: Sendable {
    private let flag = Atomic(false)

    var isCancelled: Bool { flag.load(ordering: .relaxed) }

    func cancel() { flag.store(true, ordering: .relaxed) }
  }
}
