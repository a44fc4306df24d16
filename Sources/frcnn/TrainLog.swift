import Files
import Glibc
import JSON
import Training
import TrainingReport
import TrainingRun

/// A file with a line of JSON for each step, measurement and save, for programs that watch.
///
/// A training that goes on appends to it; steps that were done again stand there twice.
final class TrainLog {
  private let descriptor: Int32
  private let path: String
  private let labels: [String]
  private var hasFailed = false

  /// Opens the file; `-` is standard output.
  init(_ path: String, appending: Bool, labels: [String]) throws(Failure) {
    self.path = path
    self.labels = labels
    guard path != "-" else {
      descriptor = STDOUT_FILENO
      return
    }
    let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (appending ? O_APPEND : O_TRUNC)
    descriptor = unsafe CommandArguments.name(path).withPath { unsafe open($0, flags, 0o666) }
    guard descriptor >= 0 else {
      throw Failure(.cannotCreate, "cannot write \(path): \(Failure.systemMessage())")
    }
  }

  deinit { if descriptor > STDERR_FILENO { close(descriptor) } }

  /// Writes what happened; a measurement under way is nothing yet.
  func take(_ event: TrainingRun.Event, picturesPerSecond: Double, seconds: Double) {
    switch event {
    case .step(let report, let epoch):
      write("step", report.iteration, seconds) { json in
        json.member("epoch", Float(epoch))
        json.member("rate", Float(report.rate))
        json.member("loss", report.losses.total)
        json.member("rpn_class_loss", report.losses.rpnClassification)
        json.member("rpn_box_loss", report.losses.rpnRegression)
        json.member("roi_class_loss", report.losses.roiClassification)
        json.member("roi_box_loss", report.losses.roiRegression)
        json.member("gradient_norm", report.gradientNorm)
        json.member("positive_anchors", report.counts.positiveAnchors)
        json.member("positive_rois", report.counts.positiveRoIs)
        json.member("forward_ms", Float(report.milliseconds.forward))
        json.member("backward_ms", Float(report.milliseconds.backward))
        json.member("update_ms", Float(report.milliseconds.update))
        json.member("pictures_per_second", Float(picturesPerSecond))
      }
    case .measured(let validation, let isBest):
      write("validation", validation.iteration, seconds) { json in
        json.member("epoch", validation.epoch)
        json.member("map", validation.mean.map { Float($0) })
        json.member("best", isBest)
        json.object("ap") { json in
          for (label, precision) in zip(labels, validation.classes) {
            json.member(label, precision.map { Float($0) })
          }
        }
      }
    case .saved(let path, let iteration):
      write("checkpoint", iteration, seconds) { $0.member("file", path) }
    case .notSaved(let error):
      write("checkpoint_failed", nil, seconds) { $0.member("error", "\(error)") }
    case .measuring: break
    }
  }

  /// Writes how the training ended.
  func end(_ ending: String, _ iteration: Int, seconds: Double, error: String? = nil) {
    write("end", iteration, seconds) { json in
      json.member("ending", ending)
      json.member("error", error)
    }
  }

  private func write(
    _ event: String, _ iteration: Int?, _ seconds: Double, _ members: (inout JSONWriter) -> Void
  ) {
    var json = JSONWriter()
    json.object { json in
      json.member("event", event)
      json.member("iteration", iteration)
      json.member("seconds", Float(seconds))
      members(&json)
    }
    let line = json.bytes + [UInt8(ascii: "\n")]
    // One call a line: whoever reads while it is written sees whole lines.
    let count = unsafe line.withUnsafeBytes {
      unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
    }
    guard count != line.count, !hasFailed else { return }
    hasFailed = true
    StandardError.write(
      "frcnn: cannot write \(path): \(Failure.systemMessage()); the training goes on without\n")
  }
}
