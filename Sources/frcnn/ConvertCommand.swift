import ArgumentParser
import Compute
import FasterRCNN
import Glibc
import Observability
import Tensors

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write a checkpoint of any format as one safetensors file that says all.",
    discussion: """
      The tensors keep their family's names, and profile, labels and all settings stand in the \
      metadata: the file is a complete model. As float32, or as stored, it answers as the original \
      does. What no layer uses is left out.

      Examples:
        frcnn convert voc.pth voc.safetensors --labels voc.txt
        frcnn convert voc.npz voc.safetensors --dtype f16          half the size
        frcnn convert old.pth new.safetensors --profile bubbliiiing-vgg
        frcnn convert voc.pth small.safetensors --svd 1024,256 --images photos

      The new file takes the place of an old one in one step. Batch normalisation keeps its \
      statistics as they are.

      --svd makes two small fully connected layers out of each large one of the head, by a \
      truncated singular value decomposition (Fast R-CNN, section 3.1: 1024 values for fc6 and 256 \
      for fc7 of VGG16). It prints what share of each layer is kept and, with --images, runs the \
      pictures through both models and prints how far their answers are apart. A model for int8 \
      is calibrated after that, not before.

      Exit status: 0 written; 64 a wrong option; 65 it is no model, or does not fit; 66 it cannot \
      be read; 73 the new file cannot be written.
      """)

  enum FloatType: String, ExpressibleByArgument, CaseIterable {
    case f16, bf16, f32

    var elementType: ElementType {
      switch self {
      case .f16: .float16
      case .bf16: .bfloat16
      case .f32: .float32
      }
    }
  }

  @Argument(
    help: ArgumentHelp("A checkpoint of safetensors, PyTorch, NumPy or Caffe.", valueName: "file"))
  var file: String

  @Argument(help: ArgumentHelp("The safetensors file to write.", valueName: "out"))
  var output: String

  @OptionGroup
  var stated: StatedModelOptions

  @Option(
    help: ArgumentHelp(
      "Round the weights to nearest even as: f16, bf16, f32. [as stored]", valueName: "type"))
  var dtype: FloatType?

  @Option(
    help: ArgumentHelp(
      "Make products of so many values of the head's fully connected layers, in their order; a "
        + "layer that no number is given for stays whole.", valueName: "counts"))
  var svd: RankList?

  @Option(
    help: ArgumentHelp(
      "With --svd, a folder of pictures to compare both models on.", valueName: "folder"))
  var images: String?

  @Option(
    help: ArgumentHelp(
      "Take so many pictures at most, evenly from the folder's list.", valueName: "count"))
  var limit = 100

  /// The numbers of values that products of layers keep.
  struct RankList: ExpressibleByArgument {
    var ranks: [Int]

    init?(argument: String) {
      let ranks = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
      guard ranks.allSatisfy({ ($0 ?? 0) > 0 }) else { return nil }
      self.ranks = ranks.compactMap { $0 }
    }
  }

  func validate() throws {
    guard images == nil || svd != nil else {
      throw ValidationError("--images compares what --svd made; give --svd too")
    }
    guard (1...100_000).contains(limit) else {
      throw ValidationError("--limit is \(limit); it takes a number from 1 to 100000")
    }
  }

  func run() throws {
    try ending {
      let pictures = try images.map { (folder) throws(Failure) in
        try PictureFile.evenly(from: folder, limit: limit)
      }
      guard !Self.isSameFile(file, output) else {
        throw Failure(.usage, "\(output) is the file to be read; give the new file another name")
      }
      guard output != "-" else {
        throw Failure(.usage, "a model is not written to standard output; name a file")
      }
      try FileContents.checkWritable(output)
      let options = try stated.options()
      var conversion: ModelConversion
      do throws(ModelError) {
        conversion = try ModelConversion(file, options: options)
      } catch {
        throw ModelOptions.Choice.failure(error, path: file)
      }
      ModelOptions.Choice.announce(
        assumption: conversion.assumption, remarks: conversion.remarks)
      if let svd { try factorise(&conversion, ranks: svd.ranks) }
      if let type = dtype?.elementType {
        do throws(ModelConversion.ValueOutOfRange) {
          try conversion.check(fitsIn: type)
        } catch {
          throw Failure(.brokenInput, "\(file): \(error)")
        }
      }
      let byteCount = try conversion.write(to: output, floatType: dtype?.elementType)
      let dictionary = conversion.stateDictionary
      print(
        "\(output): \(dictionary.count) tensors, \(dictionary.parameterCount) weights, "
          + "\(byteCount) bytes, profile \(conversion.profile)")
      if let pictures { try compare(pictures, options) }
    }
  }

  private func factorise(_ conversion: inout ModelConversion, ranks: [Int]) throws(Failure) {
    var bar: (name: String, bar: ProgressBar)?
    defer { bar?.bar.finish() }
    let made: [ModelConversion.Factorisation]
    do throws(ModelError) {
      made = try conversion.factoriseHead(ranks: ranks) { name, done, total in
        if bar?.name != name {
          bar?.bar.finish()
          bar = (name, ProgressBar("factorising \(name)", total: total))
        }
        bar?.bar.show(done)
      }
    } catch {
      throw ModelOptions.Choice.failure(error, path: file)
    }
    var table = TextTable([
      ("layer", .left), ("weights", .left), ("values", .right), ("of the weights", .right),
      ("of their squares kept", .right),
    ])
    for layer in made {
      let (rows, columns) = (layer.shape[0], layer.shape[1])
      let share = Double(layer.rank * (rows + columns)) / Double(rows * columns)
      table.add([
        layer.name, "\(layer.shape)", "\(layer.rank)", "\((100 * share).fixed(1)) %",
        "\((100 * layer.energyShare).fixed(2)) %",
      ])
    }
    print(table.text, terminator: "")
  }

  /// Runs pictures through the model as it was and as it is written now, and prints how far the
  /// answers are apart.
  private func compare(_ pictures: [PictureFile], _ options: Model.Options) throws(Failure) {
    func detector(_ path: String, _ options: Model.Options) throws(Failure) -> Detector {
      let choice = ModelOptions.Choice(
        path: path, options: options,
        compute: .init(
          threadCount: ProcessorCount.available, precision: .fixed(.float32), plan: PlanOptions()))
      return try choice.detector(of: choice.openModel())
    }
    print(
      try DetectionAgreement.measured(
        on: pictures, reference: ("the original", detector(file, options)),
        other: ("the product", detector(output, Model.Options()))
      ).text, terminator: "")
  }

  /// Whether two paths lead to one file that exists, links followed.
  private static func isSameFile(_ first: String, _ second: String) -> Bool {
    var (a, b) = (stat(), stat())
    guard unsafe stat(first, &a) == 0, unsafe stat(second, &b) == 0 else { return false }
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino
  }
}
