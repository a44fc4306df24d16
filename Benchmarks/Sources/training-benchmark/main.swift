// One training step for each line of standard input, so that a script can let several programs take turns.
//
//   training-benchmark narrow-vgg|vgg16|resnet50-fpn [THREADS]
//
// Answers each line with the milliseconds of the forward pass, the backward pass and the update, and the
// end of the input with the most memory that the process had, in MB.

import Detection
import Foundation
import Images
import Tensors
import Training

/// Noise with so many objects of random places and classes.
func example(width: Int, height: Int, classCount: Int, seed: UInt64) -> TrainingExample {
  var generator = SplitMix64(seed: seed)
  func draw(_ count: Int) -> Int { Int(generator.next() >> 33) % count }
  let pixels = (0..<3 * width * height).map { _ in UInt8(draw(256)) }
  let objects = (0..<12).map { _ in
    let (rows, columns) = (32 + draw(height * 2 / 5), 32 + draw(width * 2 / 5))
    let (top, left) = (draw(height - rows), draw(width - columns))
    return TrainingExample.Object(
      box: BoundingBox(
        yMin: Float(top), xMin: Float(left), yMax: Float(top + rows), xMax: Float(left + columns)),
      classIndex: draw(classCount))
  }
  return TrainingExample(
    name: "noise", picture: Image(width: width, height: height, pixels: pixels), objects: objects)
}

/// A trainer, and the picture it learns.
func prepare(_ name: String, threadCount: Int) throws -> (Trainer, TrainingExample)? {
  guard let architecture = TrainableModel.Architecture(rawValue: name) else { return nil }
  let (classCount, width, height) =
    switch architecture {
    case .narrowVGG: (3, 640, 480)
    case .vgg16: (20, 800, 600)
    case .resnet18FPN, .resnet50FPN: (90, 800, 600)
    }
  let model = try TrainableModel(
    architecture, labels: (0..<classCount).map { "class \($0)" }, seed: 1)
  // A rate at which random weights stay as they are: only the time is of interest.
  var settings = TrainingSettings(schedule: LearningRateSchedule(baseRate: 1e-12))
  settings.largestLoss = .infinity
  settings.trainsNormalisation = architecture == .narrowVGG
  if architecture == .vgg16 {
    settings.biasRateFactor = 2
    settings.decaysBiases = false
    settings.frozenLayers = [0, 2, 5, 7].map { "backbone.features.\($0)" }
  }
  return (
    try Trainer(model, settings: settings, threadCount: threadCount),
    example(width: width, height: height, classCount: classCount, seed: 2)
  )
}

/// Writes a line at once: whoever takes turns waits for it.
func say(_ parts: Any...) {
  let line = parts.map { "\($0)" }.joined(separator: " ") + "\n"
  FileHandle.standardOutput.write(Data(line.utf8))
}

let arguments = CommandLine.arguments
guard arguments.count > 1,
  let (trainer, picture) = try prepare(
    arguments[1], threadCount: arguments.count > 2 ? Int(arguments[2]) ?? 2 : 2)
else {
  say("usage: training-benchmark narrow-vgg|vgg16|resnet18-fpn|resnet50-fpn [THREADS]")
  exit(64)
}
say("ready")
while readLine() != nil {
  let report = try trainer.step([picture])
  let times = report.milliseconds
  say(times.forward, times.backward, times.update, report.counts.rois)
}
let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
let peak = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }?
  .split(separator: " ").dropFirst().first.flatMap { Double($0) }
say((peak ?? 0) / 1024)
