import ArgumentParser
import Detection
import Evaluation
import FasterRCNN
import Images
import JSON
import Observability

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure a model's mean average precision on annotated pictures.",
    discussion: """
      The folder is laid out as PASCAL VOC: ImageSets/Main/SPLIT.txt lists names, Annotations has \
      NAME.xml, and JPEGImages has NAME.jpg. Boxes that cover nothing are left out; objects \
      marked difficult count neither way.

      Examples:
        frcnn evaluate BCCD_Dataset/BCCD
        frcnn evaluate VOC2007 --model voc.safetensors --first-pixel 1 --last-pixel

      The second counts coordinates and sides as VOC's own kit does; then the 11-point figure is \
      the one that papers on VOC 2007 give.
      """)

  @Argument(help: ArgumentHelp("The dataset.", valueName: "voc-folder"))
  var folder: String

  @Option(help: "Which list of pictures.")
  var split = "test"

  @OptionGroup
  var model: ModelOptions

  @Option(help: ArgumentHelp("From which overlap on a detection is right.", valueName: "iou"))
  var iouThreshold: Float = 0.5

  @Option(help: ArgumentHelp("Leave out detections with this score or less.", valueName: "score"))
  var scoreThreshold: Float = 0.05

  @Option(
    help: ArgumentHelp(
      "What the annotations call the first pixel: 0, or 1 as in VOC's own.", valueName: "0|1"))
  var firstPixel = 0

  @Flag(help: "Count the last pixel of a box into its sides, as VOC's own kit does.")
  var lastPixel = false

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  func validate() throws {
    for (name, value) in [("iou", iouThreshold), ("score", scoreThreshold)]
    where !(0...1).contains(value) {
      throw ValidationError("--\(name)-threshold is \(value); it takes a number from 0 to 1")
    }
    guard VOCAnnotation.Origin(rawValue: firstPixel) != nil else {
      throw ValidationError("--first-pixel is \(firstPixel); it takes 0 or 1")
    }
  }

  func run() throws {
    try ending {
      let dataset = try readDataset()
      let detector = try model.choice().openDetector()
      let labels = detector.model.labels
      let unknown = dataset.labels.filter { !labels.contains($0) }
      guard unknown.count < dataset.labels.count else {
        throw Failure(
          .brokenInput,
          "the pictures show \(dataset.labels.joined(separator: ", ")), and the model knows "
            + "\(labels.joined(separator: ", ")): they have nothing in common")
      }
      if !unknown.isEmpty {
        StandardError.write(
          "frcnn: left out, as the model does not know them: \(unknown.joined(separator: ", "))\n")
      }
      let evaluation = try evaluate(dataset, detector)
      print(json ? jsonText(evaluation, dataset, labels) : table(evaluation, dataset, labels))
    }
  }

  private func readDataset() throws -> VOCDataset {
    let origin = VOCAnnotation.Origin(rawValue: firstPixel) ?? .zero
    do {
      return try VOCDataset(split: split, origin: origin) {
        try FileContents.read("\(folder)/\($0)", limit: $1)
      }
    } catch let error as VOCError {
      throw Failure(.brokenInput, "\(folder)/\(error)")
    }
  }

  private func evaluate(
    _ dataset: VOCDataset, _ detector: Detector
  ) throws(Failure) -> DetectionEvaluation {
    let labels = detector.model.labels
    var evaluation = DetectionEvaluation(
      classCount: labels.count,
      options: .init(iouThreshold: iouThreshold, sides: lastPixel ? .inclusive : .halfOpen))
    let parameters = DetectionParameters(scoreThreshold: scoreThreshold)
    var bar = ProgressBar("evaluating", total: dataset.pictures.count)
    defer { bar.finish() }
    for (index, picture) in dataset.pictures.enumerated() {
      bar.show(index)
      let image = try PictureFile(path: "\(folder)/\(picture.path)").decoded().image
      let result: DetectionResult
      do {
        result = try detector.detect(.image(image), parameters: parameters)
      } catch {
        throw Failure(.brokenInput, "\(picture.path): \(error)")
      }
      evaluation.add(
        detections: result.objects.map {
          ScoredBox(box: $0.box, classID: $0.classID, score: $0.score)
        },
        groundTruth: picture.annotation.objects.compactMap { object in
          labels.firstIndex(of: object.label).map {
            GroundTruthObject(box: object.box, classID: $0, isDifficult: object.isDifficult)
          }
        })
    }
    return evaluation
  }

  private func table(
    _ evaluation: DetectionEvaluation, _ dataset: VOCDataset, _ labels: [String]
  ) -> String {
    func text(_ value: Double?) -> String { value?.fixed(4) ?? "-" }
    var table = TextTable([
      ("class", .left), ("objects", .right), ("detections", .right), ("AP", .right),
      ("AP 11-point", .right),
    ])
    for (label, result) in zip(labels, evaluation.classes) {
      table.add([
        label, "\(result.groundTruthCount)", "\(result.detectionCount)",
        text(result.averagePrecision(.allPoint)), text(result.averagePrecision(.elevenPoint)),
      ])
    }
    table.add([
      "mean", "\(evaluation.classes.reduce(0) { $0 + $1.groundTruthCount })",
      "\(evaluation.classes.reduce(0) { $0 + $1.detectionCount })",
      text(evaluation.meanAveragePrecision(.allPoint)),
      text(evaluation.meanAveragePrecision(.elevenPoint)),
    ])
    let dropped = dataset.pictures.reduce(0) { $0 + $1.annotation.droppedCount }
    let note = dropped == 0 ? "" : ", \(dropped) empty boxes left out"
    return table.text + "\(dataset.pictures.count) pictures, IoU of at least \(iouThreshold)\(note)"
  }

  private func jsonText(
    _ evaluation: DetectionEvaluation, _ dataset: VOCDataset, _ labels: [String]
  ) -> String {
    var json = JSONWriter()
    func figure(_ name: String, _ value: Double?) {
      json.key(name)
      if let value { json.number(Float(value)) } else { json.null() }
    }
    json.beginObject()
    json.member("split", split)
    json.member("pictures", dataset.pictures.count)
    json.member("iou_threshold", iouThreshold)
    json.member("score_threshold", scoreThreshold)
    figure("map", evaluation.meanAveragePrecision(.allPoint))
    figure("map_11_point", evaluation.meanAveragePrecision(.elevenPoint))
    json.key("classes")
    json.beginArray()
    for (label, result) in zip(labels, evaluation.classes) {
      json.beginObject()
      json.member("label", label)
      json.member("objects", result.groundTruthCount)
      json.member("detections", result.detectionCount)
      figure("ap", result.averagePrecision(.allPoint))
      figure("ap_11_point", result.averagePrecision(.elevenPoint))
      json.endObject()
    }
    json.endArray()
    json.endObject()
    return String(decoding: json.bytes, as: UTF8.self)
  }
}
