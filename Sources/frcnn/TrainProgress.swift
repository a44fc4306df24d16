import Datasets
import Training
import TrainingReport
import TrainingRun

/// Tells a person how a training goes: a line that changes where there is a terminal, else a line now and then.
struct TrainProgress {
  private static let interval = Duration.seconds(30)

  private let labels: [String]
  private let stepCount: Int
  private let picturesPerStep: Int
  private let timeLeft: Duration?
  private let clock = ContinuousClock()
  private let start = ContinuousClock.now
  private var bar: ProgressBar
  private var lastLine = ContinuousClock.now
  private var stepsHere = 0
  /// The time that this run spent in steps, from one to the next.
  private var lastStep = ContinuousClock.now
  private var recentSeconds: Double?
  /// Losses, smoothed so that a single picture does not hide where it goes.
  private var losses: StepReport.Losses?
  private var rate = 0.0
  private var epoch = 0.0
  private var iteration: Int
  private var lossesOfEpoch: [Float] = []

  init(
    labels: [String], iteration: Int, stepCount: Int, picturesPerStep: Int, timeLeft: Duration?
  ) {
    self.labels = labels
    self.iteration = iteration
    self.stepCount = stepCount
    self.picturesPerStep = picturesPerStep
    self.timeLeft = timeLeft
    bar = ProgressBar("training", total: stepCount)
  }

  /// How many pictures are learnt from in a second.
  var picturesPerSecond: Double {
    recentSeconds.map { Double(picturesPerStep) / max($0, 1e-6) } ?? 0
  }

  /// Takes note of what happened, and tells it.
  mutating func take(_ event: TrainingRun.Event) {
    switch event {
    case .step(let report, let epoch): step(report, epoch)
    case .measuring(let done, let total):
      if bar.isShown {
        bar.show(
          iteration, of: stepCount, rate: nil, remaining: nil, note: "measuring \(done)/\(total)")
      }
      lastStep = clock.now
    case .measured(let validation, let isBest): measured(validation, isBest)
    case .saved: lastStep = clock.now
    case .notSaved(let error):
      say("could not save: \(error); the training goes on and tries again")
    }
  }

  private mutating func step(_ report: StepReport, _ epoch: Double) {
    let now = clock.now
    let seconds = (now - lastStep) / .seconds(1)
    lastStep = now
    stepsHere += 1
    // The first step makes plans and is no measure of those that follow.
    if stepsHere > 1 { recentSeconds = recentSeconds.map { 0.95 * $0 + 0.05 * seconds } ?? seconds }
    losses = losses.map { Self.mixed($0, report.losses) } ?? report.losses
    lossesOfEpoch.append(report.losses.total)
    (rate, self.epoch, iteration) = (report.rate, epoch, report.iteration)
    if bar.isShown {
      bar.show(
        iteration, of: stepCount, rate: picturesPerSecond, remaining: remaining,
        note: "loss \(text(losses?.total))  rate \(Self.short(rate))")
    } else if stepsHere == 1 || now - lastLine >= Self.interval || iteration == stepCount {
      lastLine = now
      StandardError.write("frcnn: \(line)\n")
    }
  }

  private mutating func measured(_ validation: TrainingHistory.Validation, _ isBest: Bool) {
    let mean = lossesOfEpoch.reduce(0, +) / Float(max(lossesOfEpoch.count, 1))
    lossesOfEpoch = []
    lastStep = clock.now
    let classes = zip(labels, validation.classes)
      .map { "\($0.printable) \($1?.fixed(3) ?? "-")" }.joined(separator: "  ")
    say(
      "epoch \(Double(validation.epoch).fixed(1))  step \(validation.iteration)  loss "
        + "\(mean.fixed(3))  mAP \(validation.mean?.fixed(4) ?? "-")\(isBest ? " (best)" : "")  \(classes)"
    )
  }

  /// Tells a line that stays.
  func say(_ text: String) {
    bar.finish()
    StandardError.write("frcnn: \(text)\n")
  }

  /// Takes the line away.
  func finish() { bar.finish() }

  private var line: String {
    let parts = losses.map {
      " (RPN \(text($0.rpnClassification)) + \(text($0.rpnRegression)), head "
        + "\(text($0.roiClassification)) + \(text($0.roiRegression)))"
    }
    let left = remaining.map { ", \(ProgressBar.text(of: $0)) left" } ?? ""
    let speed = recentSeconds == nil ? "" : ", \(picturesPerSecond.fixed(1)) pictures a second"
    return "step \(iteration) of \(stepCount), epoch \(epoch.fixed(2)): loss "
      + "\(text(losses?.total))\(parts ?? ""), rate \(Self.short(rate))\(speed)\(left)"
  }

  private var remaining: Duration? {
    guard let recentSeconds else { return timeLeft.map { $0 - (clock.now - start) } }
    let steps = Duration.seconds(recentSeconds * Double(stepCount - iteration))
    guard let timeLeft else { return steps }
    return max(min(steps, timeLeft - (clock.now - start)), .zero)
  }

  private func text(_ loss: Float?) -> String { loss?.fixed(3) ?? "-" }

  /// A rate in a few digits.
  static func short(_ rate: Double) -> String { rate.fixed(rate < 0.0001 ? 7 : 5) }

  private static func mixed(
    _ old: StepReport.Losses, _ new: StepReport.Losses
  ) -> StepReport.Losses {
    var result = new
    for path in [
      \StepReport.Losses.total, \.rpnClassification, \.rpnRegression, \.roiClassification,
      \.roiRegression,
    ] { result[keyPath: path] = 0.95 * old[keyPath: path] + 0.05 * new[keyPath: path] }
    return result
  }
}
