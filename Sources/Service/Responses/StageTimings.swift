internal import FasterRCNN
internal import Observability

/// How long each part of a request took, in the order in which they ran.
struct StageTimings: Sendable {
  private(set) var stages: [RequestRecord.Stage] = []

  init() {}

  /// Takes over what a detector measured.
  init(_ timings: [Stage: Duration]) {
    for stage in Stage.allCases {
      if let duration = timings[stage] { append(stage.rawValue, duration) }
    }
  }

  /// Adds a stage at the end.
  mutating func append(_ name: String, _ duration: Duration) {
    stages.append(RequestRecord.Stage(name: name, duration: duration))
  }

  /// Adds what comes last: encoding, and everything since the request arrived.
  mutating func appendEnd(
    encodingSince start: ContinuousClock.Instant, arrival: ContinuousClock.Instant
  ) {
    let now = ContinuousClock.now
    append("encode", now - start)
    append("total", now - arrival)
  }

  /// The value of `Server-Timing` (W3C Server Timing, section 2): durations in milliseconds.
  var serverTimingText: String {
    stages.map { "\($0.name);dur=\($0.duration.millisecondsText)" }.joined(separator: ", ")
  }
}
