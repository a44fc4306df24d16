import ArgumentParser
import Checkpoints
import Families
import FasterRCNN
import JSON
import Networks
import Observability
import Tensors

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Write a checkpoint with random weights.",
    discussion: """
      The network is a whole one, but it has learnt nothing: it is where training starts, and \
      what speed is measured with. Names and shapes are simple-faster-rcnn's; the file holds its \
      own settings, so that every command takes it.

      Examples:
        frcnn init vgg16 vgg16.safetensors                     21 outputs, 548 MB
        frcnn init vgg16 small.safetensors --classes 3 --width 0.125 --seed 7
        frcnn detect photo.jpg --model small.safetensors
      """)

  enum Architecture: String, ExpressibleByArgument, CaseIterable {
    case vgg16
  }

  @Argument(help: "What to make: vgg16.")
  var architecture: Architecture

  @Argument(help: ArgumentHelp("The file to write.", valueName: "out"))
  var path: String

  @Option(help: "How many classes of objects; background is not counted.")
  var classes = 20

  @Option(
    help: "What all layer widths are multiplied by, above 0 and at most 4; 1 is VGG16 itself.")
  var width = 1.0

  @Option(help: "Equal seeds give equal weights.")
  var seed: UInt64 = 0

  func validate() throws {
    guard (1...10_000).contains(classes) else {
      throw ValidationError("--classes is \(classes); it takes a whole number from 1 to 10000")
    }
    guard width > 0, width <= 4 else {
      throw ValidationError("--width is \(width); it takes a number above 0 and at most 4")
    }
  }

  func run() throws {
    try ending {
      try FileContents.checkWritable(path)
      let network = RandomVGG16(classCount: classes, width: width, seed: seed)
      let total = network.parameterCount
      var bar = ProgressBar("drawing weights", total: total)
      let dictionary = network.stateDictionary(
        metadata: metadata, naming: Family.ofRandomWeights.fileName(ofTensor:)
      ) { bar.show($0) }
      bar.finish()
      bar = ProgressBar("writing \(path)", total: total * 4)
      let writer: SafetensorsWriter
      do {
        writer = try SafetensorsWriter(dictionary)
        try writer.write(to: path) { written, _ in bar.show(written) }
      } catch {
        bar.finish()
        throw Failure(.cannotCreate, "\(error)")
      }
      bar.finish()
      print("\(path): \(dictionary.count) tensors, \(total) weights, \(writer.byteCount) bytes")
    }
  }

  /// The settings that the file holds under the key that `Model.open` reads.
  private var metadata: [String: String] {
    var json = JSONWriter()
    json.beginObject()
    for (key, value) in [
      ("name", "vgg16-random"), ("profile", Family.ofRandomWeights.name),
      ("description", "Random weights (seed \(seed), width \(width)): it has learnt nothing."),
    ] {
      json.member(key, value)
    }
    json.endObject()
    return [Model.settingsMetadataKey: String(decoding: json.bytes, as: UTF8.self)]
  }
}
