internal import FasterRCNN
internal import Observability

/// A part of the time between a request's arrival and its answer; the raw value is what answers, logs and
/// metrics call it.
enum RequestStage: String, Sendable, CaseIterable {
  /// Waiting for a lane.
  case queue
  /// From file bytes to pixels.
  case decode
  case resize
  case plan
  case backbone
  case rpn
  case proposals
  case roiPooling = "roi_pooling"
  case head
  case postprocess
  case encode
  /// Everything since the request arrived.
  case total

  /// The stage of a detector.
  init(_ stage: Stage) {
    self =
      switch stage {
      case .plan: .plan
      case .resize: .resize
      case .backbone: .backbone
      case .rpn: .rpn
      case .proposals: .proposals
      case .roiPooling: .roiPooling
      case .head: .head
      case .postprocess: .postprocess
      }
  }
}

/// How long each part of a request took.
struct Timeline: Sendable {
  private var durations: [RequestStage: Duration] = [:]

  init() {}

  /// What a request waited for and had done before its lane.
  init(waited: Duration, decoding: Duration) {
    durations = [.queue: waited, .decode: decoding]
  }

  /// Takes over what a detector measured.
  init(_ timings: [Stage: Duration]) {
    for (stage, duration) in timings { add(duration, to: RequestStage(stage)) }
  }

  /// How long a part took; no time where it was none.
  subscript(stage: RequestStage) -> Duration { durations[stage] ?? .zero }

  /// The parts that there were, in the order in which they run.
  var stages: [(stage: RequestStage, duration: Duration)] {
    RequestStage.allCases.compactMap { stage in durations[stage].map { (stage, $0) } }
  }

  /// The parts as the log has them.
  var record: [RequestRecord.Stage] {
    stages.map { RequestRecord.Stage(name: $0.stage.rawValue, duration: $0.duration) }
  }

  /// Counts a time as one of a part.
  mutating func add(_ duration: Duration, to stage: RequestStage) {
    durations[stage, default: .zero] += duration
  }

  /// Counts the times of another as well.
  mutating func add(_ other: Timeline) {
    durations.merge(other.durations) { $0 + $1 }
  }

  /// Adds what comes last: encoding, and everything since the request arrived.
  mutating func addEnd(
    encodingSince start: ContinuousClock.Instant, arrival: ContinuousClock.Instant
  ) {
    let now = ContinuousClock.now
    add(now - start, to: .encode)
    add(now - arrival, to: .total)
  }

  /// The value of `Server-Timing` (W3C Server Timing, section 2): durations in milliseconds.
  var serverTimingText: String {
    stages.map { "\($0.stage.rawValue);dur=\($0.duration.millisecondsText)" }
      .joined(separator: ", ")
  }
}
