import Checkpoints
import Datasets
import Detection
import Evaluation
import Families
import FasterRCNN
import Files
import Glibc
import HTTPServer
import Images
import Tensors
import Training
import TrainingData
import TrainingReport
import TrainingRun

/// One run of `frcnn train`, from the first step to the written model.
struct TrainSession {
  private let command: TrainCommand
  private let choices: TrainRunChoice
  private let data: TrainData
  private let model: TrainableModel
  private let start: TrainStart
  private let stop: StopRequest

  init(
    _ command: TrainCommand, _ choices: TrainRunChoice, _ data: TrainData, _ model: TrainableModel,
    start: TrainStart, stop: StopRequest
  ) {
    self.command = command
    self.choices = choices
    self.data = data
    self.model = model
    self.start = start
    self.stop = stop
  }

  func run() throws(Failure) {
    let (settings, plan) = try laidOut()
    let words = settingWords(settings, plan)
    let trainer = try makeTrainer(settings)
    try resume(trainer, words)
    let samples = try drawSamples(from: trainer.iteration * plan.picturesPerStep, plan)

    let log: TrainLog? =
      if let path = choices.log {
        try TrainLog(path, appending: choices.saved != nil, labels: model.labels)
      } else { nil }
    let metrics = choices.metrics.map { _ in
      TrainMetrics(
        labels: model.labels, stepCount: plan.stepCount, picturesPerStep: plan.picturesPerStep)
    }
    let server: HTTPServer? =
      if let metrics, let place = choices.metrics {
        try metrics.start(host: place.host, port: place.port)
      } else { nil }
    defer { withExtendedLifetime(server) {} }

    let validator =
      data.heldBack.count == 0
      ? nil : Validator(data.heldBack, threadCount: choices.threadCount)
    let run = TrainingRun(
      trainer, data.set, plan: plan, store: choices.store, validator: validator,
      settings: comparable(words), resuming: choices.saved, finish: finished)
    var progress = TrainProgress(
      labels: model.labels, iteration: trainer.iteration, stepCount: plan.stepCount,
      picturesPerStep: plan.picturesPerStep,
      timeLeft: plan.timeLimit.map { $0 - .seconds(run.seconds) })
    let page = TrainPage(
      path: choices.report, title: "\(command.output)", labels: model.labels, samples: samples,
      findings: data.check.findings.map(\.text), settings: words)

    stop.heed()
    StandardError.write(
      "frcnn: training \(model.labels.count) classes on \(data.set.count) pictures, "
        + "\(plan.stepCount) steps of \(plan.picturesPerStep), on \(choices.threadCount) threads\n")
    let ending: TrainingRun.Ending
    do throws(RunError) {
      ending = try run.run(isStopping: { stop.isStopping }) { event in
        progress.take(event)
        metrics?.take(event, picturesPerSecond: progress.picturesPerSecond)
        log?.take(event, picturesPerSecond: progress.picturesPerSecond, seconds: run.seconds)
        if case .measured = event {
          page.write(run, "Training: step \(trainer.iteration) of \(plan.stepCount)")
        }
      }
    } catch {
      progress.finish()
      log?.end("failed", trainer.iteration, seconds: run.seconds, error: "\(error)")
      page.write(run, "Ended at step \(trainer.iteration) of \(plan.stepCount): \(error)")
      if case .training(.diverged) = error { tellLastGood(run) }
      throw failure(error, trainer)
    }
    progress.finish()
    if ending == .stopped {
      log?.end("stopped", trainer.iteration, seconds: run.seconds)
      page.write(run, "Stopped after step \(trainer.iteration) of \(plan.stepCount).")
      throw Failure(
        .negative,
        "\(stop.signalName): stopped after step \(trainer.iteration) of \(plan.stepCount), saved in "
          + "\(choices.store.folder). To go on:\n  \(commandLine)")
    }
    try finish(run, plan, validator, page, ending, log)
  }

  // MARK: Before

  /// How long, and how: where a time is given, some steps are done to see how many it has room for.
  private func laidOut() throws(Failure) -> (TrainingSettings, RunPlan) {
    let learning = choices.learning
    let batch = learning.picturesPerStep
    let count = data.set.count
    func settings(_ stepCount: Int) -> TrainingSettings {
      learning.settings(
        stepCount: stepCount, pictureCount: count, start: start, model: model)
    }
    var timeLimit: Duration?
    let stepCount: Int
    switch learning.length(from: start) {
    case .iterations(let iterations): stepCount = iterations
    case .epochs(let epochs):
      stepCount = max(1, Int((epochs * Double(count) / Double(batch)).rounded(.up)))
    case .time(let time):
      timeLimit = time
      if let saved = choices.saved {
        stepCount = saved.record.stepCount
      } else {
        let seconds = try secondsPerStep(settings(1000))
        // To look at a picture takes about two fifths of learning from it; a little is left over, because the
        // end of the course matters more than the last minute.
        let epoch =
          seconds * Double(count) / Double(batch)
          + 0.4 * seconds / Double(batch) * Double(data.heldBack.count)
          / Double(choices.validationInterval)
        let epochs = time / .seconds(1) * 0.95 / epoch
        stepCount = max(1, Int(epochs * Double(count) / Double(batch)))
        StandardError.write(
          "frcnn: a step takes \((1000 * seconds).fixed(0)) ms: \(stepCount) steps, "
            + "\(epochs.fixed(1)) epochs, have room in the time\n")
      }
    }
    let plan = RunPlan(
      stepCount: stepCount, picturesPerStep: batch, seed: learning.seed,
      augmentation: choices.augmentation, validationInterval: choices.validationInterval,
      checkpointInterval: choices.checkpointInterval, timeLimit: timeLimit)
    return (settings(stepCount), plan)
  }

  /// The median of a few steps, which are forgotten again.
  private func secondsPerStep(_ settings: TrainingSettings) throws(Failure) -> Double {
    let trainer = try makeTrainer(settings)
    var order = PictureOrder(count: data.set.count, seed: choices.learning.seed)
    var position = 0
    var times: [Double] = []
    do {
      for step in 0..<6 {
        var batch: [TrainingExample] = []
        for _ in 0..<choices.learning.picturesPerStep {
          batch.append(try data.set.example(at: order.place(at: position).index))
          position += 1
        }
        let start = ContinuousClock.now
        _ = try trainer.step(batch)
        // The first one makes plans.
        if step > 0 { times.append((ContinuousClock.now - start) / .seconds(1)) }
      }
    } catch {
      throw Failure(.brokenInput, "\(error)")
    }
    return times.sorted()[times.count / 2]
  }

  private func makeTrainer(_ settings: TrainingSettings) throws(Failure) -> Trainer {
    do throws(TrainingError) {
      return try Trainer(model, settings: settings, threadCount: choices.threadCount)
    } catch {
      throw Failure(.brokenInput, "\(error)")
    }
  }

  private func resume(
    _ trainer: Trainer, _ words: [(name: String, value: String)]
  ) throws(Failure) {
    guard let saved = choices.saved else { return }
    let differences = saved.record.differences(from: comparable(words))
    guard differences.isEmpty else {
      throw Failure(.usage, "\(saved.path): \(RunError.otherTraining(differences))".printable)
    }
    do throws(TrainingError) {
      try trainer.restore(saved.trainer)
    } catch {
      throw Failure(.brokenInput, "\(saved.path): \(error)")
    }
    StandardError.write(
      "frcnn: going on after step \(trainer.iteration) of \(saved.record.stepCount), from \(saved.path)\n"
    )
  }

  /// All that decides the result, in words.
  private func settingWords(
    _ settings: TrainingSettings, _ plan: RunPlan
  ) -> [(name: String, value: String)] {
    [
      ("pictures", data.fingerprint), ("division", data.division),
      ("classes", model.labels.joined(separator: ", ")), ("network", model.blueprint.family.name),
      ("start", "\(command.model.from ?? command.model.architecture ?? "embedded")"),
      ("preset", choices.learning.preset.rawValue), ("steps", "\(plan.stepCount)"),
      ("pictures a step", "\(plan.picturesPerStep)"), ("augmentation", plan.augmentation.words),
    ] + settings.words
  }

  private func comparable(_ words: [(name: String, value: String)]) -> [String: String] {
    Dictionary(uniqueKeysWithValues: words.map { ($0.name, $0.value) })
  }

  /// How many pictures are drawn into a folder, and how many into the report.
  private static let (drawnCount, shownCount) = (24, 8)

  /// Draws pictures as the network is about to see them.
  private func drawSamples(
    from position: Int, _ plan: RunPlan
  ) throws(Failure) -> [(name: String, tile: PictureTile)] {
    guard choices.samples != nil || choices.report != nil else { return [] }
    if let folder = choices.samples,
      unsafe CommandArguments.name(folder).withPath({ unsafe mkdir($0, 0o777) }) != 0,
      errno != EEXIST
    {
      throw Failure(
        .cannotCreate, "cannot make the folder \(folder): \(Failure.systemMessage())")
    }
    var order = PictureOrder(count: data.set.count, seed: plan.seed)
    var tiles: [(name: String, tile: PictureTile)] = []
    let count = choices.samples == nil ? Self.shownCount : Self.drawnCount
    for number in 0..<count {
      let place = order.place(at: position + number)
      let example: TrainingExample
      do throws(TrainingSetError) {
        example = plan.augmentation.seen(
          try data.set.example(at: place.index), seed: plan.seed, epoch: place.epoch,
          index: place.index)
      } catch {
        throw Failure(error.isMissingInput ? .missingInput : .brokenInput, "\(error)".printable)
      }
      let drawn = example.drawn(labels: model.labels)
      if number < Self.shownCount { tiles.append((example.name, PictureTile(drawn))) }
      guard let folder = choices.samples else { continue }
      let file = example.name.split(separator: "/").last.map(String.init) ?? example.name
      let stem = file.lastIndex(of: ".").map { String(file[..<$0]) } ?? file
      do {
        let format = ImageFormat.encoded.first { $0.identifier == "jpeg" } ?? ImageFormat.encoded[0]
        try FileContents.write(
          try drawn.encoded(as: format),
          to: CommandArguments.name(folder).appending(
            Array("\(number < 9 ? "0" : "")\(number + 1)-\(stem).\(format.fileExtensions[0])".utf8))
        )
      } catch let error as Failure {
        throw error
      } catch {
        throw Failure(.internalError, "\(example.name): \(error)")
      }
    }
    if let folder = choices.samples {
      StandardError.write("frcnn: drew \(count) pictures as the network sees them into \(folder)\n")
    }
    return tiles
  }

  // MARK: After

  private func finish(
    _ run: TrainingRun, _ plan: RunPlan, _ validator: Validator?, _ page: TrainPage,
    _ ending: TrainingRun.Ending, _ log: TrainLog?
  ) throws(Failure) {
    let (result, remark): (StateDictionary, String?)
    do throws(RunError) {
      (result, remark) = try run.result()
    } catch {
      throw failure(error, run.trainer)
    }
    if let remark { StandardError.write("frcnn: \(remark.printable)\n") }
    do throws(CheckpointError) {
      try SafetensorsWriter(result).write(to: command.output)
    } catch {
      throw Failure(
        .cannotCreate,
        choices.store.isEmpty
          ? "\(error)"
          : "\(error). The training is saved in \(choices.store.folder). To go on:\n  \(commandLine)"
      )
    }
    var review: DetectionReview?
    if let validator {
      var bar = ProgressBar("measuring", total: validator.set.count)
      do throws(RunError) {
        review = try validator.review(
          result, errorCount: page.path == nil ? 0 : 18, progress: { bar.show($0) })
      } catch {
        bar.finish()
        throw failure(error, run.trainer)
      }
      bar.finish()
    }
    let time = ProgressBar.text(of: .seconds(run.seconds))
    let end = ending == .timeUp ? "The time was up after step" : "Finished after step"
    page.write(
      run, "\(end) \(run.trainer.iteration) of \(plan.stepCount), in \(time).", review: review)
    log?.end(
      ending == .timeUp ? "time_up" : "finished", run.trainer.iteration, seconds: run.seconds)
    // Only what is written and on the disk makes the saved states superfluous.
    choices.store.removeAll()
    tell(run, review, time)
  }

  private func tell(_ run: TrainingRun, _ review: DetectionReview?, _ time: String) {
    var text =
      "\(command.output): \(model.labels.count) classes, \(run.trainer.iteration) steps in \(time)\n"
    if let review, let best = run.history.best {
      var table = TextTable([("class", .left), ("objects", .right), ("AP", .right)])
      for (label, result) in zip(model.labels, review.evaluation.classes) {
        table.add([
          label.printable, "\(result.groundTruthCount)",
          result.averagePrecision(.allPoint)?.fixed(4) ?? "-",
        ])
      }
      table.add([
        "mean", "", review.evaluation.meanAveragePrecision(.allPoint)?.fixed(4) ?? "-",
      ])
      text +=
        "the best, after step \(best.iteration), on \(review.pictureCount) pictures that were held back:\n"
        + table.text
    }
    text += "serve it:   frcnn serve --model \(Self.quoted(command.output))\n"
    text +=
      "measure it: frcnn evaluate \(Self.quoted(command.folder)) --model \(Self.quoted(command.output))"
    if let report = choices.report { text += "\nreport:     \(report)" }
    print(text)
  }

  /// What is written into the model's file: its name, and that frcnn trained it.
  private func finished(_ dictionary: StateDictionary) -> StateDictionary {
    var result = dictionary
    let file = command.output.split(separator: "/").last.map(String.init) ?? command.output
    var card = model.blueprint.card
    card[.name] = .text(
      String((file.lastIndex(of: ".").map { file[..<$0] } ?? file[...]).prefix(64)))
    card[.version] = .text("1")
    card[.description] = .text(
      "Trained with frcnn \(Version.string) on \(data.set.count) pictures, \(model.labels.count) classes."
    )
    card[.labels] = .list(model.labels.map { .text($0) })
    // Ranges are of the weights that were.
    card.int8InputRanges = nil
    result.metadata[Model.settingsMetadataKey] = card.json()
    return result
  }

  private func failure(_ error: RunError, _ trainer: Trainer) -> Failure {
    let saved =
      choices.store.isEmpty
      ? "" : "\nStep \(trainer.iteration) is saved in \(choices.store.folder)."
    return switch error {
    case .training(.diverged): Failure(.negative, "\(error)\(saved)".printableLines)
    case .picture(let cause):
      Failure(
        cause.isMissingInput ? .missingInput : .brokenInput,
        "\(error)\(saved) To go on:\n  \(commandLine)".printableLines)
    case .training, .model, .detector, .thread, .otherTraining:
      Failure(.internalError, "\(error)\(saved)".printableLines)
    }
  }

  /// Writes what a training that diverged had learnt until then, to begin anew from.
  private func tellLastGood(_ run: TrainingRun) {
    let output = command.output
    let slash = output.lastIndex(of: "/") ?? output.startIndex
    let end = output.lastIndex(of: ".").flatMap { $0 > slash ? $0 : nil } ?? output.endIndex
    let path = String(output[..<end]) + ".last-good.safetensors"
    do {
      try SafetensorsWriter(run.result().model).write(to: path)
      StandardError.write(
        "frcnn: the weights before that are \(path.printable), a model to serve or to begin from (--from)\n"
      )
    } catch {
      StandardError.write("frcnn: \(error)\n")
    }
  }

  /// The command that goes on, to be pasted into a shell.
  private var commandLine: String {
    var words = CommandLine.arguments
    if !words.contains("--resume") { words.append("--resume") }
    return words.map(Self.quoted).joined(separator: " ")
  }

  private static func quoted(_ word: String) -> String {
    let plain = word.unicodeScalars.allSatisfy {
      $0.isASCII
        && ($0.properties.isAlphabetic || "0123456789-_./:=,+%@".unicodeScalars.contains($0))
    }
    return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }
}

extension String {
  /// The text for a terminal, its own ends of lines kept.
  fileprivate var printableLines: String {
    split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }
      .joined(separator: "\n")
  }
}

/// The report's file, written anew after each measurement.
struct TrainPage {
  let path: String?
  let title: String
  let labels: [String]
  let samples: [(name: String, tile: PictureTile)]
  let findings: [String]
  let settings: [(name: String, value: String)]

  /// Writes the page as things stand; what cannot be written is told and stops nothing.
  func write(_ run: TrainingRun, _ summary: String, review: DetectionReview? = nil) {
    guard let path else { return }
    var report = TrainingReport(
      title: title, summary: summary, labels: labels, history: run.history)
    report.samples = samples
    report.findings = findings
    report.settings = settings
    report.review = review
    if let best = run.history.best, let mean = best.mean {
      report.figures.append(("best mAP, at epoch \(Double(best.epoch).fixed(1))", mean.fixed(4)))
    }
    report.figures += [
      ("steps", "\(run.trainer.iteration)"), ("time", ProgressBar.text(of: .seconds(run.seconds))),
    ]
    if let last = run.history.steps.last {
      report.figures.append(("epochs", Double(last.epoch).fixed(1)))
      let tail = run.history.steps.suffix(50)
      report.figures.append(
        ("loss at the end", (tail.reduce(0) { $0 + $1.total } / Float(tail.count)).fixed(3)))
    }
    do {
      try FileContents.write(Array(report.html.utf8), to: CommandArguments.name(path))
    } catch {
      StandardError.write("frcnn: \(error.message)\n")
    }
  }
}
