internal import FasterRCNN
internal import Observability

/// A detector whose results are counted.
///
/// It stands between the service and its detector once that is ready, so that warming up is not
/// counted, and no way to the detector passes by.
struct MeasuredBackend: DetectionBackend {
  let base: any DetectionBackend
  let metrics: ServiceMetrics

  var model: ModelDescription { base.model }
  var precision: String { base.precision }
  var planCache: PlanCacheStatistics { base.planCache }

  func warmUp() throws { try base.warmUp() }

  func detect(
    _ input: DetectorInput, parameters: DetectionParameters,
    isCancelled: @escaping @Sendable () -> Bool
  ) throws -> DetectionResult {
    do {
      let result = try base.detect(input, parameters: parameters, isCancelled: isCancelled)
      metrics.found(result)
      return result
    } catch let error as DetectorError {
      if case .notFinite = error { metrics.nonFinite.count("") }
      throw error
    }
  }
}
