internal import FasterRCNN
internal import Observability

/// What the service counts of its requests and pictures.
///
/// Every label's value comes from a fixed set (routes, statuses, kinds of problem, stages), so that no
/// client can make the figures grow.
final class ServiceMetrics: Sendable {
  /// Answers by route and status.
  let requests = CounterFamily()

  /// From a request's arrival to its answer, by route.
  let requestDuration = HistogramFamily(
    bounds: MetricBuckets.seconds, known: [Route.detect.rawValue])

  /// The parts of the work.
  let stageDuration = HistogramFamily(
    bounds: MetricBuckets.stageSeconds,
    known: Stage.allCases.filter { $0 != .queue }.map(\.rawValue) + [encodeStage])

  /// How long pictures waited for a lane.
  let queueWait = HistogramFamily(bounds: MetricBuckets.seconds)

  /// Requests that were answered with a problem, by its kind.
  let rejections = CounterFamily(
    known: [Problem.Kind.queueFull, .loading, .draining, .internalError].map {
      CounterFamily.Key($0.rawValue)
    })

  /// Requests whose client went away; the one count stands under an empty label.
  let cancellations = CounterFamily(known: [CounterFamily.Key("")])

  /// Pictures that could not be decoded, by the kind of problem.
  let decodeErrors = CounterFamily(known: decodeProblems.map { CounterFamily.Key($0.rawValue) })

  /// Pictures and feature maps of a request that was answered.
  let batchSize = HistogramFamily(bounds: MetricBuckets.batch)

  /// Objects found in a picture.
  let detections = HistogramFamily(bounds: MetricBuckets.counts)

  /// Regions proposed in a picture.
  let proposals = HistogramFamily(bounds: MetricBuckets.counts)

  /// Pictures for which the model computed a number that is not finite.
  let nonFinite = CounterFamily(known: [CounterFamily.Key("")])

  /// Models opened, by outcome.
  let modelLoads = CounterFamily(
    known: ["success", "failure"].map { CounterFamily.Key($0) })

  /// The stage that `DetectionDocument` adds to those of the detector.
  static let encodeStage = "encode"

  /// What stands as a route where there is nothing at the path, or no path was read.
  static let otherRoute = "other"

  private static let decodeProblems: [Problem.Kind] = [
    .undecodablePicture, .unsupportedPicture, .pictureTooLarge,
  ]

  /// Takes note of a request that was answered.
  func finished(
    route: String, status: Int, duration: Duration, stages: [RequestRecord.Stage],
    problem: Problem.Kind?
  ) {
    requests.count(route, Self.text(ofStatus: status))
    requestDuration.observe(duration, route)
    for stage in stages {
      switch stage.name {
      case Stage.queue.rawValue: queueWait.observe(stage.duration)
      // The whole is the request's duration, not a part.
      case "total": break
      default: stageDuration.observe(stage.duration, stage.name)
      }
    }
    guard let problem else { return }
    if problem == .clientClosedRequest {
      cancellations.count("")
    } else {
      rejections.count(problem.rawValue)
    }
    if Self.decodeProblems.contains(problem) { decodeErrors.count(problem.rawValue) }
  }

  /// Takes note of what was found in a picture.
  func found(_ result: DetectionResult) {
    proposals.observe(Double(result.proposals.count))
    detections.observe(Double(result.objects.count))
  }

  /// A status as text: three digits, which a string holds without memory of its own.
  private static func text(ofStatus status: Int) -> String { String(status) }
}
