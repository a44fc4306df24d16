import ArgumentParser
import Checkpoints
import FasterRCNN
import Glibc
import Tensors

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write a checkpoint of any format as one safetensors file that says all.",
    discussion: """
      The file has simple-faster-rcnn's names, and profile, labels and settings in its metadata: \
      it is a complete model. As float32, or as stored, it answers as the original does.

      Examples:
        frcnn convert voc.pth voc.safetensors --labels voc.txt
        frcnn convert voc.npz voc.safetensors --dtype f16          half the size
        frcnn convert old.pth new.safetensors --profile bubbliiiing-vgg

      The new file takes the place of an old one in one step. Batch normalisation keeps its \
      statistics as they are.

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
    help: ArgumentHelp("A checkpoint of safetensors, PyTorch or NumPy.", valueName: "file"))
  var file: String

  @Argument(help: ArgumentHelp("The safetensors file to write.", valueName: "out"))
  var output: String

  @Option(help: ModelSettings.profile.help)
  var profile: String?

  @Option(help: ModelSettings.labels.help)
  var labels: String?

  @Option(
    help: ArgumentHelp(
      "Round the weights to nearest even as: f16, bf16, f32. [as stored]", valueName: "type"))
  var dtype: FloatType?

  func run() throws {
    try ending {
      guard !Self.isSameFile(file, output) else {
        throw Failure(.usage, "\(output) is the file to be read; give the new file another name")
      }
      let options = try ModelOptions.options(profile: profile, labels: labels)
      let conversion: ModelConversion
      do throws(ModelError) {
        conversion = try ModelConversion(file, options: options)
      } catch {
        throw ModelOptions.Choice.failure(error, path: file)
      }
      ModelOptions.Choice.announce(conversion.assumption)
      if let type = dtype?.elementType {
        do throws(ModelConversion.ValueOutOfRange) {
          try conversion.check(fitsIn: type)
        } catch {
          throw Failure(.brokenInput, "\(file): \(error)")
        }
      }
      try write(conversion)
    }
  }

  private func write(_ conversion: ModelConversion) throws(Failure) {
    let dictionary = conversion.stateDictionary
    var bar: ProgressBar?
    let writer: SafetensorsWriter
    do throws(CheckpointError) {
      writer = try SafetensorsWriter(
        dictionary, floatType: dtype?.elementType, keeping: conversion.keptNames)
      bar = ProgressBar("writing \(output)", total: writer.byteCount)
      try writer.write(to: output) { written, _ in bar?.show(written) }
    } catch {
      bar?.finish()
      throw Failure(.cannotCreate, "\(error)")
    }
    bar?.finish()
    print(
      "\(output): \(dictionary.count) tensors, \(dictionary.parameterCount) weights, "
        + "\(writer.byteCount) bytes, profile \(conversion.profile)")
  }

  /// Whether two paths lead to one file that exists, links followed.
  private static func isSameFile(_ first: String, _ second: String) -> Bool {
    var (a, b) = (stat(), stat())
    guard unsafe stat(first, &a) == 0, unsafe stat(second, &b) == 0 else { return false }
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino
  }
}
