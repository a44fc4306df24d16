import ArgumentParser
import FasterRCNN
import Images
import Service
import Tensors

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Print the median time of each stage of a detection.",
    discussion: """
      The picture is noise and gradients, saved as JPEG and decoded in every run as a request's \
      would be. The first runs, which make plans and put weights in order, are not counted.

      Examples:
        frcnn bench
        frcnn bench --model vgg16.safetensors --size 600x800 --runs 5 --threads 1
      """,
    // It is called through scripts/bench, which also makes the large model.
    shouldDisplay: false)

  @OptionGroup
  var model: ModelOptions

  @Option(help: ArgumentHelp("The picture's rows and columns.", valueName: "HxW"))
  var size = "480x640"

  @Option(help: "How many runs are counted.")
  var runs = 20

  @Option(help: "How many runs go before.")
  var warmUp = 2

  func validate() throws {
    guard imageSize != nil else {
      throw ValidationError("--size is '\(size)'; it takes rows x columns, as 480x640")
    }
    guard (1...100_000).contains(runs), (0...1000).contains(warmUp) else {
      throw ValidationError("--runs takes 1 to 100000, --warm-up 0 to 1000")
    }
  }

  private var imageSize: PictureSize? { PictureSize(rowsByColumns: size) }

  func run() throws {
    try ending {
      guard let imageSize else { return }
      let choice = try model.choice()
      let detector = try choice.openDetector()
      do {
        let bytes = try Self.picture(imageSize).encoded(as: .jpeg)
        var samples: [Sample] = []
        var bar = ProgressBar("running", total: warmUp + runs)
        for run in 0..<warmUp + runs {
          bar.show(run)
          let sample = try Self.measure(bytes, detector)
          if run >= warmUp { samples.append(sample) }
        }
        bar.finish()
        let operations = try detector.operationCounts(for: imageSize)
        print(
          "\(detector.model.name), \(size), \(choice.compute.threadCount) threads, "
            + "\(samples.last?.proposalCount ?? 0) proposals, median of \(runs)")
        print(table(samples, operations), terminator: "")
      } catch let error as DetectorError {
        throw Failure(.internalError, "\(error)")
      } catch let error as ImageError {
        throw Failure(.internalError, "\(error)")
      }
    }
  }

  private struct Sample {
    var decoding: Duration
    var stages: [Stage: Duration]
    var writing: Duration
    var total: Duration
    var proposalCount: Int
  }

  /// One detection from a file's bytes to an answer's.
  private static func measure(_ bytes: [UInt8], _ detector: Detector) throws -> Sample {
    let clock = ContinuousClock()
    let start = clock.now
    let picture = try ImageDecoder().decode(bytes)
    let decoded = clock.now
    let result = try detector.detect(.image(picture.image))
    let detected = clock.now
    _ = try DetectionDocument(model: detector.model, picture: picture, result: result).json()
    let end = clock.now
    return Sample(
      decoding: decoded - start, stages: result.timings, writing: end - detected,
      total: end - start,
      proposalCount: result.proposals.count)
  }

  private func table(_ samples: [Sample], _ operations: [Stage: Int]) -> String {
    var table = TextTable([
      ("stage", .left), ("ms", .right), ("GFLOP", .right), ("GFLOP/s", .right),
    ])
    func add(_ name: String, _ times: [Duration], operations: Int? = nil) {
      let median = Self.median(times)
      let flop = operations.map { Double($0) / 1e9 }
      table.add([
        name, median.milliseconds.fixed(2), flop?.fixed(2) ?? "",
        flop.map { ($0 / (median / .seconds(1))).fixed(1) } ?? "",
      ])
    }
    add("decode", samples.map(\.decoding))
    for stage in Stage.allCases where samples.contains(where: { $0.stages[stage] != nil }) {
      add(
        stage.rawValue, samples.map { $0.stages[stage] ?? .zero }, operations: operations[stage])
    }
    add("json", samples.map(\.writing))
    add("total", samples.map(\.total))
    return table.text
  }

  private static func median(_ times: [Duration]) -> Duration {
    let sorted = times.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// Gradients with some noise, so that decoding has as much to do as with a photo.
  private static func picture(_ size: PictureSize) -> Image {
    // A linear congruential generator (Knuth's MMIX): the same picture in every run.
    var state: UInt64 = 1
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * size.height * size.width)
    for row in 0..<size.height {
      for column in 0..<size.width {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let noise = Int(state >> 59)
        pixels.append(UInt8((row * 223 / size.height + noise) & 255))
        pixels.append(UInt8((column * 223 / size.width + noise) & 255))
        pixels.append(UInt8(((row + column) * 223 / (size.height + size.width) + noise) & 255))
      }
    }
    return Image(width: size.width, height: size.height, pixels: pixels)
  }
}
