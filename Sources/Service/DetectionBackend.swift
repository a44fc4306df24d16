public import FasterRCNN

/// What the service asks for detections: a detector with its model.
///
/// The requirement is that of `Detector`; a protocol stands between so that admission, cancellation
/// and errors can be tested without the arithmetic.
public protocol DetectionBackend: Sendable {
  /// What is known of the model.
  var model: ModelDescription { get }

  /// In what the networks multiply: `fp32`, `bf16` or `int8`.
  var precision: String { get }

  /// How often a plan was found kept; zero for a backend that keeps none.
  var planCache: PlanCacheStatistics { get }

  /// Puts the weights in order beside the threads that pictures are worked on with.
  ///
  /// A service calls it once before `warmUp` where other models serve meanwhile: what takes its time
  /// then holds none of their requests up.
  ///
  /// - Throws: where the model cannot run.
  func prepare() throws

  /// Runs the model once on next to nothing, so that all is in place for the first client.
  ///
  /// A service calls it once for each lane, and those calls may come at once.
  ///
  /// - Throws: where the model cannot run; the service then does not serve it.
  func warmUp() throws

  /// Finds objects; blocks its caller until they are found.
  ///
  /// A service with N lanes calls it from N long-lived threads, from all of them at once where there
  /// is work for all.
  ///
  /// - Parameters:
  ///   - input: a picture, or the feature map of one.
  ///   - parameters: what the request chose.
  ///   - isCancelled: asked between stages, from any thread; once it is true the work stops by
  ///     throwing.
  /// - Returns: proposals and objects in the order that `DetectionResult` states.
  /// - Throws: a `DetectorError`, or an `ImageError` where the picture cannot be worked on; any other
  ///   error is the server's own failure.
  func detect(
    _ input: DetectorInput, parameters: DetectionParameters,
    isCancelled: @escaping @Sendable () -> Bool
  ) throws -> DetectionResult
}

extension DetectionBackend {
  /// Does nothing: `warmUp` does it all.
  public func prepare() throws {}

  /// None kept, none built.
  public var planCache: PlanCacheStatistics { PlanCacheStatistics() }
}

extension Detector: DetectionBackend {}
