internal import Compute

/// One call's way through the stages: its clock, who may stop it, and who watches.
struct Run {
  var timer: StageTimer
  let isCancelled: () -> Bool
  /// Shown each plan after it has run, and how many of its rows count.
  let observe: ((_ plan: Plan, _ part: Part, _ rows: Int) -> Void)?

  /// The networks that plans are made of.
  enum Part {
    case picture, features, head
  }

  init(
    isCancelled: @escaping () -> Bool,
    observe: ((_ plan: Plan, _ part: Part, _ rows: Int) -> Void)? = nil
  ) {
    timer = StageTimer(clock: ContinuousClock())
    self.isCancelled = isCancelled
    self.observe = observe
  }

  /// Ends the call where its caller wants it to stop.
  func checkCancellation() throws(DetectorError) {
    if isCancelled() { throw .cancelled }
  }
}
