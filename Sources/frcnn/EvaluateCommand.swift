import ArgumentParser
import Datasets
import Detection
import Evaluation
import FasterRCNN
import Images
import Tensors
import TrainingData

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure a model's mean average precision on annotated pictures.",
    discussion: """
      The layout is told by what is there: PASCAL VOC (ImageSets/Main/SPLIT.txt, Annotations, \
      JPEGImages; also without lists, or pictures and XML side by side), COCO (a JSON file, or a folder \
      with one), or YOLO (data.yaml, images, labels). Boxes that cover nothing are left out; objects \
      marked difficult, and crowds, count neither way.

      Examples:
        frcnn evaluate BCCD_Dataset/BCCD
        frcnn evaluate VOC2007 --model voc.safetensors --first-pixel 1 --last-pixel
        frcnn evaluate coco --split val2017 --model resnet50.pth --metric coco

      The second counts coordinates and sides as VOC's own kit does; then the 11-point figure is \
      the one that papers on VOC 2007 give. The third gives COCO's figures.
      """)

  enum Metric: String, ExpressibleByArgument, CaseIterable {
    case voc, coco
  }

  @Argument(help: ArgumentHelp("The dataset.", valueName: "folder"))
  var folder: String

  @Option(help: "Which part of it; by default test, val, or the only one.")
  var split: String?

  @OptionGroup
  var model: ModelOptions

  @Option(
    help: "VOC's average precision at one overlap, or COCO's mean over ten and over sizes.")
  var metric: Metric = .voc

  @Option(help: ArgumentHelp("From which overlap on a detection is right (VOC).", valueName: "iou"))
  var iouThreshold: Float = 0.5

  @Option(help: ArgumentHelp("Leave out detections with this score or less.", valueName: "score"))
  var scoreThreshold: Float = 0.05

  @Option(
    help: ArgumentHelp(
      "What VOC annotations call the first pixel: 0, or 1 as in VOC's own.", valueName: "0|1"))
  var firstPixel = 0

  @Flag(help: "Count the last pixel of a box into its sides, as VOC's own kit does.")
  var lastPixel = false

  @Option(
    help: ArgumentHelp(
      "Whether pictures are turned as their EXIF says; 'auto' asks the size in the annotation.",
      valueName: "auto|apply|ignore"), transform: turning)
  var orientation: AnnotatedPictureReader.Turning = .auto

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
      let (dataset, root) = try openDataset()
      let marked = Set(dataset.pictures.flatMap { $0.marks.map(\.label) })
      guard !marked.isEmpty else {
        throw Failure(
          .brokenInput, "the annotations of the \(dataset.pictures.count) pictures mark no object")
      }
      let detector = try model.choice().openDetector()
      let labels = LabelMatch(marked.sorted(), model: detector.model.labels)
      guard labels.unknown.count < marked.count else {
        throw Failure(
          .brokenInput,
          "the pictures show \(marked.sorted().joined(separator: ", ")), and the model knows "
            + "\(detector.model.labels.joined(separator: ", ")): they have nothing in common"
            .printable)
      }
      for note in labels.notes { StandardError.write("frcnn: \(note.printable)\n") }
      var report = EvaluationReport(
        command: self, dataset: dataset, model: detector.model, labels: labels)
      try evaluate(dataset, root: root, detector, &report)
      for note in report.notes { StandardError.write("frcnn: \(note.printable)\n") }
      print(json ? report.json : report.table)
    }
  }

  private func openDataset() throws(Failure) -> (dataset: Dataset, root: String) {
    do {
      return try Dataset.open(
        folder,
        options: Dataset.Options(
          split: split, origin: VOCAnnotation.Origin(rawValue: firstPixel) ?? .zero,
          countsLastPixel: lastPixel))
    } catch {
      throw Failure(
        error.isMissingInput ? .missingInput : .brokenInput,
        (folder + (error.path.isEmpty ? ": " : "/") + "\(error)").printable)
    }
  }

  private func evaluate(
    _ dataset: Dataset, root: String, _ detector: Detector, _ report: inout EvaluationReport
  ) throws(Failure) {
    let parameters = DetectionParameters(scoreThreshold: scoreThreshold)
    var bar = ProgressBar("evaluating", total: dataset.pictures.count)
    defer { bar.finish() }
    for (index, picture) in dataset.pictures.enumerated() {
      bar.show(index)
      let image = try decode(picture, root: root, &report)
      let result: DetectionResult
      do {
        result = try detector.detect(.image(image), parameters: parameters)
      } catch {
        throw Failure(.brokenInput, "\(picture.path): \(error)".printable)
      }
      report.add(
        detections: result.objects.map {
          ScoredBox(box: $0.box, classID: $0.classID, score: $0.score)
        }, objects: picture.objects(in: PictureSize(height: image.height, width: image.width)))
    }
  }

  private static func turning(_ text: String) throws -> AnnotatedPictureReader.Turning {
    guard let turning = AnnotatedPictureReader.Turning(rawValue: text) else {
      throw ValidationError("it takes auto, apply or ignore")
    }
    return turning
  }

  /// Reads a picture, turned or not, and holds its size against what the annotation states.
  private func decode(
    _ picture: AnnotatedPicture, root: String, _ report: inout EvaluationReport
  ) throws(Failure) -> Image {
    let reading: AnnotatedPictureReader.Reading
    do {
      reading = try AnnotatedPictureReader(root: root, turning: orientation).read(picture)
    } catch {
      throw Failure(
        error.isMissingInput ? .missingInput : .brokenInput, "\(root)/\(error)".printable)
    }
    if reading.isLeftUnturned { report.turnedNot.append(picture.path) }
    if reading.isTurned { report.turned.append(picture.path) }
    let size = reading.image.size
    if let stated = picture.statedSize, stated != size {
      report.otherSizes.append(
        "\(picture.path) has \(size.width)x\(size.height) pixels, its annotation states "
          + "\(stated.width)x\(stated.height)")
    }
    return reading.image
  }
}
