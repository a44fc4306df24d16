internal import FasterRCNN
internal import Observability

/// What the service counts of its requests and pictures.
///
/// Every label's value comes from a fixed set (routes, statuses, kinds of problem, stages, models that
/// the operator has), so that no client can make the figures grow.
final class ServiceMetrics: Sendable {
  /// Answers by route and status.
  let requests = CounterFamily()

  /// From a request's arrival to its answer, by route.
  let requestDuration = HistogramFamily(
    bounds: MetricBuckets.seconds, known: [Route.detect.rawValue])

  /// The parts of the work.
  let stageDuration = HistogramFamily(
    bounds: MetricBuckets.stageSeconds,
    known: RequestStage.allCases.filter { $0 != .queue && $0 != .total }.map(\.rawValue))

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

  /// Requests that a model has worked on, by its name and whether it could answer.
  let modelRequests = CounterFamily()

  /// Pictures and feature maps of a request that was answered, by model.
  let batchSize = HistogramFamily(bounds: MetricBuckets.batch, known: [])

  /// Lines of answers in lines, by what they tell.
  let lines = CounterFamily(known: ["result", "problem"].map { CounterFamily.Key($0) })

  /// Pictures named by URL, by what became of them.
  let fetches = CounterFamily(
    known: ["success", "refused", "failure"].map { CounterFamily.Key($0) })

  /// Objects found in a picture, by model.
  let detections = HistogramFamily(bounds: MetricBuckets.counts, known: [])

  /// Regions proposed in a picture, by model.
  let proposals = HistogramFamily(bounds: MetricBuckets.counts, known: [])

  /// Pictures for which a model computed a number that is not finite.
  let nonFinite = CounterFamily()

  /// Models opened, by outcome.
  let modelLoads = CounterFamily(
    known: ["success", "failure"].map { CounterFamily.Key($0) })

  /// What stands as a route where there is nothing at the path, or no path was read.
  static let otherRoute = "other"

  private static let decodeProblems: [Problem.Kind] = [
    .undecodablePicture, .unsupportedPicture, .pictureTooLarge,
  ]

  /// Takes note of a request that was answered.
  func finished(
    route: String, status: Int, duration: Duration, timeline: Timeline,
    problem: Problem.Kind?
  ) {
    requests.count(route, Self.text(ofStatus: status))
    requestDuration.observe(duration, route)
    for (stage, duration) in timeline.stages {
      switch stage {
      case .queue: queueWait.observe(duration)
      // The whole is the request's duration, not a part.
      case .total: break
      default: stageDuration.observe(duration, stage.rawValue)
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

  /// Takes note of what a model found in a picture.
  func found(_ result: DetectionResult, model: String) {
    proposals.observe(Double(result.proposals.count), model)
    detections.observe(Double(result.objects.count), model)
  }

  /// A status as text: three digits, which a string holds without memory of its own.
  private static func text(ofStatus status: Int) -> String { String(status) }
}
