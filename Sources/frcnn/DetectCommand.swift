import ArgumentParser
import Detection
import FasterRCNN
import Images
import Service
import Tensors

struct DetectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "detect",
    abstract: "Find objects in pictures, without a server.",
    discussion: """
      Examples:
        frcnn detect photo.jpg
        frcnn detect *.jpg --annotate boxes             draw into boxes/NAME.jpg
        frcnn detect photo.png --score-threshold 0.5 --classes RBC,WBC
        frcnn detect photo.jpg --json > photo.json      what the server would answer
        cat photo.jpg | frcnn detect -

      Exit status: 0 every picture was worked on; else the first failure's: 65 no picture or a \
      broken one, 66 it cannot be read. The other pictures are worked on all the same.
      """)

  @Argument(
    help: ArgumentHelp(
      "Files in \(ImageFormat.namesText); - is standard input.", valueName: "picture"))
  var pictures: [String]

  @OptionGroup
  var model: ModelOptions

  @Flag(help: "Print the server's JSON instead of a table, a line for each picture.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Draw what was found into copies of the pictures in this folder.", valueName: "folder"))
  var annotate: String?

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

  func run() throws {
    try ending {
      let files = pictures.map(PictureFile.init)
      let folder = try annotate.map { path throws(Failure) in
        try AnnotationFolder(path, for: files)
      }
      let detector = try model.choice().openDetector()
      let parameters = try parameters(for: detector.model)
      var first: Failure?
      for file in files {
        do throws(Failure) {
          try work(on: file, detector: detector, parameters: parameters, folder: folder)
        } catch {
          if files.count > 1 { StandardError.write("frcnn: \(error.message)\n") }
          first = first ?? error
        }
      }
      guard let first else { return }
      if files.count > 1 { throw ExitCode(first.kind.rawValue) }
      throw first
    }
  }

  private func work(
    on file: PictureFile, detector: Detector, parameters: DetectionParameters,
    folder: AnnotationFolder?
  ) throws(Failure) {
    let clock = ContinuousClock()
    let start = clock.now
    let picture = try file.decoded()
    let decoding = clock.now - start
    var result: DetectionResult
    do {
      result = try detector.detect(.image(picture.image), parameters: parameters)
    } catch {
      throw Failure(.brokenInput, "\(file.name): \(error)")
    }
    result.timings[.decode] = decoding
    if json {
      var choice = RequestParameters()
      choice.detection = parameters
      do {
        let document = DetectionDocument(
          model: detector.model, picture: picture, parameters: choice, result: result)
        print(String(decoding: try document.json(), as: UTF8.self))
      } catch {
        throw Failure(.internalError, "\(file.name): \(error)")
      }
    } else {
      printTable(result, of: file, labels: detector.model.labels, time: clock.now - start)
    }
    try folder?.save(result, of: picture, from: file, labels: detector.model.labels)
  }

  private func printTable(
    _ result: DetectionResult, of file: PictureFile, labels: [String], time: Duration
  ) {
    let size = "\(result.imageSize.width)x\(result.imageSize.height)"
    let count = result.objects.count == 1 ? "1 object" : "\(result.objects.count) objects"
    print(
      "\(file.name)  \(size)  \(count), \(result.proposals.count) proposals, "
        + "\(time.milliseconds.fixed(0)) ms")
    guard !result.objects.isEmpty else { return }
    var table = TextTable([
      ("", .left), ("label", .left), ("score", .right), ("x_min", .right), ("y_min", .right),
      ("x_max", .right), ("y_max", .right),
    ])
    for object in result.objects {
      let box = object.box
      table.add(
        ["", labels[object.classID], object.score.fixed(3)]
          + [box.xMin, box.yMin, box.xMax, box.yMax].map { $0.fixed(1) })
    }
    print(table.text, terminator: "")
  }

  private func parameters(for model: ModelDescription) throws(Failure) -> DetectionParameters {
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
