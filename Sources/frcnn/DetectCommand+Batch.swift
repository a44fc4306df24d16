import Batch
import Compute
import FasterRCNN
import Files
import Glibc

extension DetectCommand {
  /// Works on many pictures, and writes a row for each into a file.
  func runBatch() throws(Failure) {
    // The file's name was told, or this would not run.
    let output = batch.output.flatMap { $0 == "-" ? nil : CommandArguments.name($0) }
    let (lanes, model) = try openLanes()
    let parameters = try detection.parameters(for: model.description)
    let format =
      batch.format.flatMap(ResultFormat.init(rawValue:)) ?? output.flatMap(
        ResultFormat.init(fileName:))
      ?? .jsonLines
    let writer = RowWriter(format, model: model.description, parameters: parameters)
    do throws(BatchError) {
      var record = RunRecord(model, parameters: parameters)
      record.add("precision", lanes[0].precision)
      record.add("convolution", lanes[0].options.plan.convolution.rawValue)
      let file = try ResultFile(
        output, writer: writer, record: record, isResumed: batch.resume)
      var source = NamedPictures(inputs, options: sourceOptions)
      let (done, next) = try file.begin(&source)
      var progress = BatchProgress(done: done, total: PictureCount(of: inputs, sourceOptions))
      defer { progress.finish() }
      var (failures, first): (Int, BatchError?) = (0, nil)
      let pipeline = PicturePipeline(
        detectors: lanes, parameters: parameters, writer: writer, limits: limits(lanes.count))
      try pipeline.run(first: next, source) { (row) throws(BatchError) in
        try file.append(row.bytes)
        progress.advance()
        if let failure = row.failure {
          failures += 1
          first = first ?? failure
        }
      }
      try file.finish()
      progress.end(failures: failures)
      // Rows tell of some that failed; where all did, the input is not what was meant.
      if let first, failures == progress.worked {
        throw BatchError(first.kind, "no picture could be worked on: \(first)")
      }
    } catch {
      throw Failure(error)
    }
  }

  /// Answers the pictures on standard input until its end.
  func runWorker() throws(Failure) {
    let (lanes, model) = try openLanes()
    for lane in lanes {
      do throws(DetectorError) {
        try lane.warmUp()
      } catch {
        throw Failure(.internalError, "\(error)")
      }
    }
    let parameters = try detection.parameters(for: model.description)
    let writer = RowWriter(.jsonLines, model: model.description, parameters: parameters)
    let pipeline = PicturePipeline(
      detectors: lanes, parameters: parameters, writer: writer, limits: limits(lanes.count))
    let source = FramedPictures(
      descriptor: STDIN_FILENO, limit: PictureFile.maximumByteCount)
    do throws(BatchError) {
      let file = try ResultFile(nil, writer: writer, record: nil, isResumed: false)
      try pipeline.run(first: nil, source) { (row) throws(BatchError) in
        try file.append(row.bytes)
      }
    } catch {
      throw Failure(error)
    }
  }

  private func openLanes() throws(Failure) -> (lanes: [Detector], model: Model) {
    var choice = try model.choice()
    let source = try choice.openModel()
    ModelOptions.Choice.announce(source)
    try choice.settlePrecision(for: source)
    let count = batch.lanes ?? choice.compute.threadCount
    return (try choice.detectors(of: source, count: count), source)
  }

  private func limits(_ laneCount: Int) -> PicturePipeline.Limits {
    .init(laneCount: laneCount, fileBytes: PictureFile.maximumByteCount)
  }

  private var inputs: [NamedPictures.Input] {
    pictures.map { argument in
      guard argument != "-" else { return .list(nil) }
      let name = CommandArguments.name(argument)
      // A pipe holds no picture that could be read twice: it is a list, as of `<(find ...)`.
      return name.hasSuffix([".txt", ".lst", ".list"]) || name.kind == .other
        ? .list(name) : .path(name)
    }
  }

  private var sourceOptions: NamedPictures.Options {
    var options = NamedPictures.Options(suffixes: PictureFile.suffixes)
    if let shard = batch.shard.flatMap(Shard.init) { options.shard = shard }
    if batch.null { options.separator = 0 }
    return options
  }
}
