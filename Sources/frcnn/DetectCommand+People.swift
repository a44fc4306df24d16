import ArgumentParser
import Batch
import Detection
import FasterRCNN
import Files
import Images
import Service
import Tensors

extension DetectCommand {
  /// Works on pictures one after the other, and prints what was found in each.
  func runForPeople() throws {
    let files = try PictureFile.all(of: pictures)
    let folder = try annotate.map { path throws(Failure) in
      try AnnotationFolder(path, for: files)
    }
    let detector = try model.choice().openDetector()
    let parameters = try detection.parameters(for: detector.model)
    var first: Failure?
    for file in files {
      do throws(Failure) {
        try work(on: file, detector: detector, parameters: parameters, folder: folder)
      } catch {
        if files.count > 1 { StandardError.write("frcnn: \(error.message)\n") }
        if json { printJSON(of: file, RowWriter.document(of: BatchError(error))) }
        first = first ?? error
        // Where nothing can be written the other pictures cannot be either.
        if error.kind == .cannotCreate { break }
      }
    }
    guard let first else { return }
    if files.count > 1 {
      try StandardOutput.finish()
      throw ExitCode(first.kind.rawValue)
    }
    throw first
  }

  private func work(
    on file: PictureFile, detector: Detector, parameters: DetectionParameters,
    folder: AnnotationFolder?
  ) throws(Failure) {
    let clock = ContinuousClock()
    let start = clock.now
    let picture = try file.decoded()
    let decoding = clock.now - start
    let result: DetectionResult
    do {
      result = try detector.detect(.image(picture.image), parameters: parameters)
    } catch {
      throw Failure(.brokenInput, "\(file.name): \(error)")
    }
    if json {
      var choice = RequestParameters()
      choice.detection = parameters
      do {
        let document = DetectionDocument(
          model: detector.model, picture: picture, parameters: choice, result: result,
          decoding: decoding)
        printJSON(of: file, try document.json())
      } catch {
        throw Failure(.internalError, "\(file.name): \(error)")
      }
    } else {
      printTable(result, of: file, labels: detector.model.labels, time: clock.now - start)
    }
    try folder?.save(result, of: picture, from: file, labels: detector.model.labels)
  }

  /// Prints the members of an object behind one that names the file.
  private func printJSON(of file: PictureFile, _ document: [UInt8]) {
    let line = RowWriter.joined(RowWriter.beginning(naming: file.path), document)
    print(String(decoding: line, as: UTF8.self))
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
}
