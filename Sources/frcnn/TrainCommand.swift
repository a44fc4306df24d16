import Datasets
import Files
import ArgumentParser
import Checkpoints
import FasterRCNN
import Tensors
import Threads
import Training
import TrainingData
import TrainingReport
import TrainingRun

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Learn from annotated pictures, and write a model to serve.",
    discussion: """
      A folder of pictures with boxes in, a model out, on this machine's cores. The folder is laid out as \
      PASCAL VOC, COCO or YOLO, as frcnn evaluate takes it. Every picture is read once before the first \
      step, and all that is wrong is told in one list.

      With 200 pictures and nothing else to say:
        frcnn train my-pictures -o mine.safetensors --report mine.html
        frcnn serve --model mine.safetensors

      That starts from the embedded model, whose layers know edges and round things, replaces what tells \
      its classes apart where yours are others, sees every picture twelve times in changing light, size and \
      direction, holds a tenth back (or takes the part val), measures with it after each epoch, and writes \
      the best model that it had. If your objects have no upper side (cells, seen through a microscope; \
      things on a table, seen from above), add --flip both. If the figures still rise at the end, \
      give more --epochs.

      Other starts:
        --from nothing --epochs 40            a new network of that kind
        --from resnet50.pth                   torchvision's ImageNet weights
        --from vgg16.pth --preset note-001    as simple-faster-rcnn trains
        --from coco.pth --rate 0.001          any model that frcnn serves
      ImageNet's ResNets get a feature pyramid. The larger networks find more and take ten times as long.

      How long: --epochs 20, --iterations 5000 or --time 45m.

      While it goes on: OUT.training (beside the model) holds the last states. SIGINT (Ctrl-C) and SIGTERM finish the \
      step, save and end; after that, or after a kill, a full disk or a power cut,
        the same command with --resume
      goes on where it was saved last, and comes to the same model to the byte on one thread.

      What helps where it does not learn: look at --show-samples, whether the boxes are right; a lower \
      --rate where the loss jumps; a larger --min-size with --architecture for small objects.

      Exit status: 0 the model was written; 1 ended by a signal, or the training diverged (both are saved); \
      64 an option is wrong; 65 the pictures or the start cannot be used; 66 something cannot be read; 73 the \
      model cannot be written; 78 a variable is wrong.
      """)

  @Argument(help: ArgumentHelp("The annotated pictures.", valueName: "folder"))
  var folder: String

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("The safetensors file to write.", valueName: "model"))
  var output: String

  @OptionGroup(title: "Pictures")
  var data: TrainDataOptions

  @OptionGroup(title: "Model")
  var model: TrainModelOptions

  @OptionGroup(title: "Learning")
  var learning: TrainLearningOptions

  @OptionGroup(title: "Augmentation")
  var augmentation: AugmentationOptions

  @OptionGroup(title: "Files and figures")
  var files: TrainOutputOptions

  func validate() throws {
    guard !output.isEmpty, output != "-" else {
      throw ValidationError("-o names the file to write; a model is not written to standard output")
    }
  }

  func run() throws {
    // Before the first thread is made, so that every thread leaves the signals to the one that waits.
    let stop = StopRequest()
    try ending {
      try stop.listen()
      let choices = try TrainRunChoice(self)
      if files.resume, choices.saved == nil, CommandArguments.name(output).kind == .file {
        // Whoever starts the command again and again until it succeeds shall not train for ever.
        print("\(output) is there, and no training is left to go on with: it was finished")
        return
      }
      let dataset = try openDataset()
      let source = try openSource()
      let labels = try labels(of: dataset, source)
      let data = try check(dataset, labels: labels)
      let model = try trainableModel(source, labels: labels, check: data.check)
      StandardError.write(
        Self.table(of: model, objects: data.check.objectCounts) + "\n\(data.division)\n")
      try TrainSession(self, choices, data, model, start: source.start, stop: stop).run()
    }
  }
}

extension TrainSource {
  /// From what the training begins.
  var start: TrainStart {
    switch self {
    case .blueprint: .model
    case .architecture(_, nil): .nothing
    case .architecture: .classifier
    }
  }
}

/// What is written and told, read and checked before the pictures are.
struct TrainRunChoice {
  var learning: LearningChoice
  var augmentation: Augmentation
  var threadCount: Int
  var store: RunStore
  var saved: RunStore.Saved?
  var checkpointInterval: Duration
  var validationInterval: Int
  var log: String?
  var report: String?
  var metrics: (host: String, port: Int)?
  var samples: String?

  init(_ command: TrainCommand) throws(Failure) {
    let files = command.files
    learning = try command.learningChoice()
    augmentation = try command.augmentationChoice(learning.preset)
    threadCount = try command.threadCount()
    checkpointInterval = try TrainSettings.checkpointEvery.value(flag: files.checkpointEvery)
    validationInterval = try TrainSettings.validateEvery.value(flag: files.validateEvery)
    log = try TrainSettings.log.value(flag: files.log)
    report = try TrainSettings.report.value(flag: files.report)
    samples = try TrainSettings.showSamples.value(flag: files.showSamples)
    if let port = try TrainSettings.metricsPort.value(flag: files.metricsPort) {
      metrics = (try TrainSettings.metricsHost.value(flag: files.metricsHost), port)
    }
    try FileContents.checkWritable(command.output)
    if let report { try FileContents.checkWritable(report) }
    store = RunStore(
      folder: Self.folder(of: command.output),
      keptCount: try TrainSettings.keep.value(flag: files.keep))
    if files.resume {
      do throws(CheckpointError) {
        saved = try store.latest()
      } catch {
        throw Failure(.brokenInput, "no state of the training can be read: \(error)")
      }
      for reason in saved?.passedOver ?? [] {
        StandardError.write("frcnn: passed over a saved state: \(reason.printable)\n")
      }
      if saved == nil {
        StandardError.write("frcnn: nothing was saved in \(store.folder): beginning anew\n")
      }
    } else if !store.isEmpty {
      throw Failure(
        .usage,
        "\(store.folder) holds a training that was not finished; go on with it with --resume, or remove "
          + "the folder")
    }
  }

  /// The folder of the saved states: the output's name without its extension.
  private static func folder(of output: String) -> String {
    let slash = output.lastIndex(of: "/") ?? output.startIndex
    guard let dot = output.lastIndex(of: "."), dot > slash else { return output + ".training" }
    return output[..<dot] + ".training"
  }
}
