/// Sums the time between calls by stage.
struct StageTimer {
  private let clock: ContinuousClock
  private var last: ContinuousClock.Instant
  private var timings: [Stage: Duration] = [:]

  /// Starts the clock.
  init(clock: ContinuousClock) {
    self.clock = clock
    last = clock.now
  }

  /// Counts the time since the last call towards a stage.
  mutating func record(_ stage: Stage) {
    let now = clock.now
    timings[stage, default: .zero] += now - last
    last = now
  }

  /// Gives every result the times; pictures that shared a run have them in common.
  func write(to results: inout [DetectionResult]) {
    for index in results.indices { results[index].timings = timings }
  }
}
