import ArgumentParser

/// Which pictures `frcnn train` learns from, and which it measures with.
struct TrainDataOptions: ParsableArguments {
  @Option(help: TrainSettings.split.help)
  var split: String?

  @Option(help: TrainSettings.validationSplit.help)
  var validationSplit: String?

  @Option(help: TrainSettings.validationShare.help)
  var validationShare: String?

  @Option(
    help: ArgumentHelp(
      "The names of the classes in their order, one a line. [FRCNN_LABELS; the model's where they are the "
        + "set's, else the set's]", valueName: "file"))
  var labels: String?

  @Option(
    help: ArgumentHelp(
      "What VOC annotations call the first pixel: 0, or 1 as in VOC's own.", valueName: "0|1"))
  var firstPixel = 0

  @Flag(help: "Count the last pixel of a box into its sides, as VOC's own kit does.")
  var lastPixel = false

  @Option(help: TrainSettings.orientation.help)
  var orientation: String?

  func validate() throws {
    guard (0...1).contains(firstPixel) else {
      throw ValidationError("--first-pixel is \(firstPixel); it takes 0 or 1")
    }
    guard validationSplit == nil || validationShare == nil else {
      throw ValidationError("--validation-split and --validation-share say the same; give one")
    }
  }
}

/// What `frcnn train` begins with.
struct TrainModelOptions: ParsableArguments {
  @Option(help: TrainSettings.from.help)
  var from: String?

  @Option(help: TrainSettings.architecture.help)
  var architecture: String?

  @Option(help: ModelSettings.profile.help)
  var profile: String?

  @Option(help: ModelSettings.normalisationEpsilon.help)
  var batchNormEpsilon: String?

  @Option(help: TrainSettings.minimumSide.help)
  var minSize: String?

  @Option(help: TrainSettings.maximumSide.help)
  var maxSize: String?

  @Option(help: TrainSettings.anchors.help)
  var anchors: String?

  @Option(help: TrainSettings.freeze.help)
  var freeze: String?
}

/// How `frcnn train` learns.
struct TrainLearningOptions: ParsableArguments {
  @Option(help: TrainSettings.preset.help)
  var preset: String?

  @Option(help: TrainSettings.epochs.help)
  var epochs: String?

  @Option(help: TrainSettings.iterations.help)
  var iterations: String?

  @Option(help: TrainSettings.time.help)
  var time: String?

  @Option(help: TrainSettings.batch.help)
  var batch: String?

  @Option(help: TrainSettings.rate.help)
  var rate: String?

  @Option(help: TrainSettings.schedule.help)
  var schedule: String?

  @Option(help: TrainSettings.warmUp.help)
  var warmUp: String?

  @Option(help: TrainSettings.momentum.help)
  var momentum: String?

  @Option(help: TrainSettings.weightDecay.help)
  var weightDecay: String?

  @Option(help: TrainSettings.clip.help)
  var clip: String?

  @Option(help: TrainSettings.average.help)
  var average: String?

  @Option(help: TrainSettings.seed.help)
  var seed: String?

  @Option(help: ComputeSettings.threads.help)
  var threads: String?

  func validate() throws {
    guard [epochs, iterations, time].count(where: { $0 != nil }) <= 1 else {
      throw ValidationError("--epochs, --iterations and --time say how long; give one")
    }
  }
}

/// How `frcnn train` changes pictures each time that it sees them.
struct AugmentationOptions: ParsableArguments {
  @Option(help: TrainSettings.flip.help)
  var flip: String?

  @Option(help: TrainSettings.scaleJitter.help)
  var scaleJitter: String?

  @Option(help: TrainSettings.crop.help)
  var crop: String?

  @Option(help: TrainSettings.brightness.help)
  var brightness: String?

  @Option(help: TrainSettings.colour.help)
  var colour: String?
}

/// What `frcnn train` writes and tells.
struct TrainOutputOptions: ParsableArguments {
  @Option(help: TrainSettings.checkpointEvery.help)
  var checkpointEvery: String?

  @Option(help: TrainSettings.keep.help)
  var keep: String?

  @Flag(
    help: "Go on where a training with the same options and output was ended, however it was.")
  var resume = false

  @Option(help: TrainSettings.validateEvery.help)
  var validateEvery: String?

  @Option(help: TrainSettings.log.help)
  var log: String?

  @Option(help: TrainSettings.report.help)
  var report: String?

  @Option(help: TrainSettings.metricsPort.help)
  var metricsPort: String?

  @Option(help: TrainSettings.metricsHost.help)
  var metricsHost: String?

  @Option(help: TrainSettings.showSamples.help)
  var showSamples: String?
}
