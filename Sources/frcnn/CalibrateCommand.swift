import ArgumentParser
import Compute
import FasterRCNN
import Images

struct CalibrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Prepare a model for int8, and say what that costs.",
    discussion: """
      Runs the model in fp32 on pictures such as it will see, measures how large the values are \
      that each layer reads, and writes the model with those ranges in its metadata as one \
      safetensors file, whose weights are those of the original: it serves any --precision. Then \
      the same pictures are run in int8, and the differences are printed.

      Some dozens of pictures are enough; labels are not needed.

      Examples:
        frcnn calibrate --model voc.pth --images photos --output voc.int8.safetensors
        frcnn serve --model voc.int8.safetensors --precision int8

      Exit status: 0 written; 64 a wrong option; 65 a broken model or no picture at all; 66 \
      something cannot be read; 73 the new file cannot be written.
      """)

  @Option(help: ModelSettings.model.help)
  var model: String?

  @OptionGroup
  var stated: StatedModelOptions

  @Option(help: ArgumentHelp("A folder of pictures.", valueName: "folder"))
  var images: String

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("The safetensors file to write.", valueName: "file"))
  var output: String

  @Option(
    help: ArgumentHelp(
      "Which share of what a layer reads its bytes cover; larger values are cut off.",
      valueName: "percent"))
  var percentile = 99.99

  @Option(
    help: ArgumentHelp(
      "Take so many pictures at most, evenly from the folder's list.", valueName: "count"))
  var limit = 100

  @Option(help: ComputeSettings.threads.help)
  var threads: String?

  func validate() throws {
    guard percentile > 50, percentile <= 100 else {
      throw ValidationError("--percentile is \(percentile); it takes a number over 50, up to 100")
    }
    guard (1...100_000).contains(limit) else {
      throw ValidationError("--limit is \(limit); it takes a number from 1 to 100000")
    }
  }

  func run() throws {
    try ending {
      let path = try ModelSettings.model.value(flag: model)
      let options = try stated.options()
      let threadCount = try ComputeSettings.threads.value(flag: threads)
      let choice = ModelOptions.Choice(
        path: path, options: options,
        compute: .init(
          threadCount: threadCount == 0 ? ProcessorCount.available : threadCount,
          precision: .fixed(.float32), plan: PlanOptions()))
      let pictures = try PictureFile.evenly(from: images, limit: limit)
      try FileContents.checkWritable(output)
      let ranges = try measure(pictures, choice)
      try write(ranges, choice)
      try compare(pictures, choice)
    }
  }

  private func measure(
    _ pictures: [PictureFile], _ choice: ModelOptions.Choice
  ) throws(Failure) -> [String: ClosedRange<Float>] {
    let source = try choice.openModel()
    ModelOptions.Choice.announce(source)
    let calibration: Calibration
    do {
      calibration = try Calibration(model: source, threadCount: choice.compute.threadCount)
    } catch {
      throw Failure(.internalError, "\(error)")
    }
    var bar = ProgressBar("measuring", total: pictures.count)
    var count = 0
    defer { bar.finish() }
    for (index, picture) in pictures.enumerated() {
      bar.show(index)
      guard let image = picture.decodedOrLeftOut(under: bar)?.image else { continue }
      count += 1
      do {
        try calibration.observe(image)
      } catch {
        throw Failure(.brokenInput, "\(picture.name): \(error)")
      }
    }
    guard count > 0 else {
      throw Failure(.brokenInput, "no picture in \(images) could be read")
    }
    let ranges = calibration.ranges(share: percentile / 100)
    guard !ranges.isEmpty else {
      throw Failure(
        .brokenInput, "no layer of the model reads values that int8 could stand for")
    }
    return ranges
  }

  private func write(
    _ ranges: [String: ClosedRange<Float>], _ choice: ModelOptions.Choice
  ) throws(Failure) {
    var conversion: ModelConversion
    do throws(ModelError) {
      conversion =
        if let path = choice.path {
          try ModelConversion(path, options: choice.options)
        } else {
          try .embedded(options: choice.options)
        }
      conversion.setInputRanges(ranges)
    } catch {
      throw ModelOptions.Choice.failure(error, path: choice.path)
    }
    _ = try conversion.write(to: output)
    print("\(output): ranges of \(ranges.count) layers, profile \(conversion.profile)")
  }

  /// Runs the pictures in fp32 and in int8 and prints how far the answers are apart.
  private func compare(
    _ pictures: [PictureFile], _ choice: ModelOptions.Choice
  ) throws(Failure) {
    guard PlanOptions.Precision.int8.isSupported else {
      print("This CPU has no VNNI and would compute in fp32: int8 was not tried.")
      return
    }
    var choice = choice
    choice.path = output
    choice.options = Model.Options()
    choice.compute.precision = .fixed(.float32)
    let exact = try choice.openDetector()
    choice.compute.precision = .fixed(.int8)
    let fast = try choice.openDetector()
    print(
      try DetectionAgreement.measured(
        on: pictures, reference: ("fp32", exact), other: ("int8", fast)
      ).text, terminator: "")
  }
}
