import ArgumentParser
import FasterRCNN

/// What is asked of a detector; the same for every command that detects.
struct DetectionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Leave out what has this score or less, 0 to 1. [the model's own]", valueName: "score"))
  var scoreThreshold: Float?

  @Option(
    help: ArgumentHelp(
      "Two boxes of a class that overlap (IoU) by more are one, 0 to 1. [the model's own]",
      valueName: "iou"))
  var nmsThreshold: Float?

  @Option(help: ArgumentHelp("Keep at most so many, the best ones. [all]", valueName: "count"))
  var maxDetections: Int?

  @Option(
    help: ArgumentHelp(
      "Look for these classes only: names, commas between. [all]", valueName: "names"))
  var classes: String?

  func validate() throws {
    for (name, value) in [("score", scoreThreshold), ("nms", nmsThreshold)] {
      if let value, !(0...1).contains(value) {
        throw ValidationError("--\(name)-threshold is \(value); it takes a number from 0 to 1")
      }
    }
    if let maxDetections, maxDetections < 0 {
      throw ValidationError("--max-detections is \(maxDetections); it takes a whole number from 0")
    }
  }

  /// What was chosen, for a model.
  func parameters(for model: ModelDescription) throws(Failure) -> DetectionParameters {
    var chosen: Set<Int>?
    if let classes {
      chosen = []
      for name in classes.split(separator: ",") {
        guard let index = model.labels.firstIndex(of: String(name)) else {
          throw Failure(
            .usage,
            "--classes names '\(name)', which the model does not know; it knows "
              + model.labels.joined(separator: ", "))
        }
        chosen?.insert(index)
      }
    }
    return DetectionParameters(
      scoreThreshold: scoreThreshold, nmsThreshold: nmsThreshold, maximumDetections: maxDetections,
      classes: chosen)
  }
}
