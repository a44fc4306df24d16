internal import FasterRCNN
internal import Observability
internal import Synchronization

/// What is known of a model from one loading of it to the next.
final class ModelRecord: Sendable {
  /// What has been worked on.
  let statistics = Mutex(InferenceStatistics())

  /// How long its work takes.
  let serviceTime = ServiceTime()
}

/// A model that has run and may be asked, under the name that requests call it by.
///
/// What it finds is counted; warming up is not, which happens before it is served.
struct ServedModel: Sendable {
  let name: String
  let backend: any DetectionBackend
  let record: ModelRecord
  let metrics: ServiceMetrics

  /// What is known of the model.
  var description: ModelDescription {
    var description = backend.model
    description.name = name
    return description
  }

  /// Finds objects; see `DetectionBackend`.
  func detect(
    _ input: DetectorInput, parameters: DetectionParameters,
    isCancelled: @escaping @Sendable () -> Bool
  ) throws -> DetectionResult {
    do {
      let result = try backend.detect(input, parameters: parameters, isCancelled: isCancelled)
      metrics.found(result, model: name)
      return result
    } catch let error as DetectorError {
      if case .notFinite = error { metrics.nonFinite.count(name) }
      throw error
    }
  }

  /// Counts a request that was answered.
  func succeeded(_ answer: WorkAnswer) {
    record.statistics.withLock { $0.recordSuccess(answer) }
    metrics.modelRequests.count(name, "success")
    metrics.batchSize.observe(Double(answer.count), name)
  }

  /// Counts a request that could not be answered.
  func failed(after duration: Duration) {
    record.statistics.withLock { $0.recordFailure(duration) }
    metrics.modelRequests.count(name, "failure")
  }
}
