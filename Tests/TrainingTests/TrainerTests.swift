import Checkpoints
import Compute
import Detection
import Evaluation
import Families
import FasterRCNN
import Foundation
import Images
import Tensors
import Testing

@testable import Training

struct TrainerTests {
  /// A narrow VGG of 13 convolutions without normalisation for pictures of 96 pixels, whose weights are
  /// random but for the classes.
  private func model(
    seed: UInt64 = 1, labels: [String] = DrawnPictures.labels
  ) throws -> TrainableModel {
    var card = ModelCard()
    card[.profile] = .text("simple-faster-rcnn")
    card[.minimumSide] = .integer(96)
    card[.maximumSide] = .integer(160)
    card[.anchorScales] = .list([1, 1.5, 2.25].map { .number($0) })
    return try TrainableModel(
      Blueprint(Evidence(Fixture("sf-step.start").tensors), options: card), labels: labels,
      seed: seed)
  }

  /// The embedded model's network with fresh weights, for the same pictures.
  private func normalisedModel(seed: UInt64 = 1) throws -> TrainableModel {
    var card = ModelCard()
    card[.minimumSide] = .integer(96)
    card[.maximumSide] = .integer(160)
    card[.anchorScales] = .list([1.5, 2.25].map { .number($0) })
    return try TrainableModel(
      .narrowVGG, labels: DrawnPictures.labels, settings: card, seed: seed)
  }

  private func settings(rate: Double = 5e-3, seed: UInt64 = 3) -> TrainingSettings {
    var settings = TrainingSettings(
      schedule: LearningRateSchedule(
        baseRate: rate, warmUp: LearningRateSchedule.WarmUp(iterations: 5)))
    settings.maximumGradientNorm = 10
    settings.seed = seed
    return settings
  }

  /// Average precision of a trained model on what it learnt from.
  private func averagePrecision(
    _ state: StateDictionary, _ examples: [TrainingExample]
  ) throws -> Double? {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("frcnn-trained-\(UUID().uuidString).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try SafetensorsWriter(state).write(to: path)
    let model = try Model.open(path)
    #expect(model.description.labels == DrawnPictures.labels)
    #expect(model.description.profile == "simple-faster-rcnn")
    #expect(model.remarks.isEmpty)
    let detector = try Detector(model: model)
    var evaluation = DetectionEvaluation(classCount: DrawnPictures.labels.count)
    for example in examples {
      let found = try detector.detect(.image(example.picture))
      evaluation.add(
        detections: found.objects.map {
          ScoredBox(box: $0.box, classID: $0.classID, score: $0.score)
        },
        groundTruth: example.objects.map {
          GroundTruthObject(box: $0.box, classID: $0.classIndex)
        })
    }
    return evaluation.meanAveragePrecision(.allPoint)
  }

  /// Steps of two of four pictures.
  private func learnFour(
    steps: Int, rate: Double
  ) throws -> (reports: [StepReport], averagePrecision: Double?) {
    let examples = (0..<4).map(DrawnPictures.example)
    var settings = settings(rate: rate)
    settings.schedule.course = .cosine(end: steps, floor: 0.01)
    settings.averageDecay = 0.9
    let trainer = try Trainer(try model(), settings: settings, threadCount: 2)
    var reports: [StepReport] = []
    for step in 0..<steps {
      reports.append(
        try trainer.step([examples[2 * step % 4], examples[(2 * step + 1) % 4]]))
    }
    return (reports, try averagePrecision(trainer.model(), examples))
  }

  @Test func lossesFallAndTheModelIsServed() throws {
    let (reports, precision) = try learnFour(steps: 24, rate: 0.01)
    let last = try #require(reports.last)
    #expect(last.iteration == 24)
    let totals = reports.map(\.losses.total)
    let first = totals.prefix(4).reduce(into: 0) { $0 += $1 }
    let final = totals.suffix(4).reduce(into: 0) { $0 += $1 }
    #expect(final < 0.8 * first, "\(totals)")
    #expect(last.counts.positiveAnchors > 0 && last.counts.positiveRoIs > 0)
    #expect(last.gradientNorm > 0 && last.milliseconds.total > 0)
    #expect(precision != nil)
  }

  /// Takes a minute without optimisation, so it is asked for: `FRCNN_LONG_TESTS=1`.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["FRCNN_LONG_TESTS"] != nil))
  func fourPicturesAreLearntByHeart() throws {
    let (reports, precision) = try learnFour(steps: 400, rate: 0.01)
    let totals = reports.map(\.losses.total)
    #expect(totals[399] < totals[0] / 4, "\(totals[0]) to \(totals[399])")
    #expect(precision == 1, "\(String(describing: precision))")
  }

  @Test func aTrainingGoesOnWhereItWasSaved() throws {
    let examples = (0..<4).map(DrawnPictures.example)
    let model = try normalisedModel()
    var settings = settings()
    settings.trainsNormalisation = true
    settings.averageDecay = 0.95
    func bytes(_ trainer: Trainer) throws -> [UInt8] {
      try SafetensorsWriter(trainer.state()).bytes()
        + SafetensorsWriter(trainer.model(averaged: true)).bytes()
        + SafetensorsWriter(trainer.model(averaged: false)).bytes()
    }
    let whole = try Trainer(model, settings: settings, threadCount: 1)
    for step in 0..<4 { _ = try whole.step([examples[step % 4]]) }
    let before = try Trainer(model, settings: settings, threadCount: 1)
    for step in 0..<2 { _ = try before.step([examples[step % 4]]) }
    let saved = try SafetensorsWriter(before.state()).bytes()
    let state = try Checkpoint(contentsOf: ByteStorage(copying: saved)).stateDictionary
    let after = try Trainer(normalisedModel(seed: 9), settings: settings, threadCount: 1)
    try after.restore(state)
    #expect(after.iteration == 2)
    for step in 2..<4 { _ = try after.step([examples[step % 4]]) }
    #expect(try bytes(after) == bytes(whole))
  }

  @Test func aStateOfAnotherModelIsRefused() throws {
    let trainer = try Trainer(try model(), settings: settings(), threadCount: 1)
    let other = try Trainer(
      try model(labels: ["one", "two", "three"]), settings: settings(), threadCount: 1)
    _ = try other.step([DrawnPictures.example(0)])
    let before = try SafetensorsWriter(trainer.state()).bytes()
    #expect(throws: TrainingError.self) { try trainer.restore(other.state()) }
    #expect(throws: TrainingError.self) { try trainer.restore(StateDictionary()) }
    #expect(try SafetensorsWriter(trainer.state()).bytes() == before)
    #expect(trainer.iteration == 0)
  }

  @Test func whatDivergesNamesThePictureAndTheLayerAndChangesNothing() throws {
    var settings = settings()
    settings.trainsNormalisation = true
    let trainer = try Trainer(try normalisedModel(), settings: settings, threadCount: 1)
    _ = try trainer.step([DrawnPictures.example(0)])
    trainer.withEngine { engine in
      // A weight that makes one layer's results infinite.
      engine.store["backbone.features.10.weight"]?.update { values, _ in
        values[0] = .infinity
      }
    }
    let before = try SafetensorsWriter(trainer.state()).bytes()
    var caught: TrainingError?
    do {
      _ = try trainer.step([DrawnPictures.example(1)])
    } catch {
      caught = error
    }
    guard case .diverged(let iteration, let pictures, let layer, _) = caught else {
      Issue.record("\(String(describing: caught))")
      return
    }
    #expect(iteration == 2)
    #expect(pictures == ["drawn 1"])
    #expect(layer?.hasPrefix("backbone.features.10") == true, "\(layer ?? "")")
    #expect(try SafetensorsWriter(trainer.state()).bytes() == before)
    #expect("\(try #require(caught))".contains("drawn 1"))
  }

  @Test(arguments: TrainingSettings.Preset.allCases)
  func lossesFallWithEveryPreset(_ preset: TrainingSettings.Preset) throws {
    let model = try model()
    var settings = preset.settings(
      stepsPerEpoch: 100, for: model)
    settings.schedule.warmUp?.iterations = 2
    let trainer = try Trainer(model, settings: settings, threadCount: 2)
    let batch = (0..<preset.picturesPerStep).map(DrawnPictures.example)
    var losses: [Float] = []
    for _ in 0..<12 { losses.append(try trainer.step(batch).losses.total) }
    #expect(losses[9...].reduce(0, +) < losses[..<3].reduce(0, +), "\(losses)")
  }

  @Test func statisticsAreGatheredWhereNormalisationLearns() throws {
    let model = try normalisedModel()
    var settings = settings()
    settings.trainsNormalisation = true
    settings.frozenLayers = ["backbone.features.0"]
    let trainer = try Trainer(model, settings: settings, threadCount: 2)
    _ = try trainer.step([DrawnPictures.example(0), DrawnPictures.example(1)])
    let state = try trainer.model()
    func before(_ name: String) -> [Float]? { model.blueprint.state[name]?.float32Values() }
    for part in ["running_mean", "running_var"] {
      #expect(
        state["extractor.0.norm.\(part)"]?.float32Values()
          == before("backbone.features.0.norm.\(part)"))
      #expect(
        state["extractor.3.norm.\(part)"]?.float32Values()
          != before("backbone.features.3.norm.\(part)"))
    }
  }

  @Test func frozenLayersStay() throws {
    let model = try model()
    var settings = settings()
    settings.frozenLayers = ["backbone", "rpn"]
    let trainer = try Trainer(model, settings: settings, threadCount: 2)
    _ = try trainer.step([DrawnPictures.example(0)])
    let state = try trainer.model()
    for name in ["extractor.0.weight", "extractor.28.bias", "rpn.conv1.weight"] {
      let canonical = name.replacing("extractor", with: "backbone.features")
        .replacing("rpn.conv1", with: "rpn.conv.0")
      #expect(
        state[name]?.float32Values() == model.blueprint.state[canonical]?.float32Values(), "\(name)"
      )
    }
    #expect(
      state["head.score.weight"]?.float32Values()
        != model.blueprint.state["head.class.weight"]?.float32Values())
    settings.frozenLayers.append("head")
    #expect(throws: TrainingError.self) { try Trainer(model, settings: settings) }
  }

  @Test func theLowestLayersAreFoundWhateverTheirNumbers() throws {
    #expect(
      try model().lowestLayers == [0, 2, 5, 7].map { "backbone.features.\($0)" })
    let normalised = try normalisedModel()
    #expect(normalised.lowestLayers == [0, 3, 7, 10].map { "backbone.features.\($0)" })
    for preset in TrainingSettings.Preset.allCases {
      let settings = preset.settings(stepsPerEpoch: 10, for: normalised)
      #expect(settings.frozenLayers == (preset == .note004 ? [] : normalised.lowestLayers))
    }
    var settings = settings()
    settings.frozenLayers = normalised.lowestLayers
    settings.trainsNormalisation = true
    let trained = try Trainer(normalised, settings: settings).trainedNames
    #expect(trained.first == "backbone.features.14.weight")
    settings.frozenLayers = ["backbone.features.1"]
    #expect(throws: TrainingError.self) { try Trainer(normalised, settings: settings) }
  }

  @Test func aPictureWithoutObjectsIsLearntFrom() throws {
    let trainer = try Trainer(try model(), settings: settings(), threadCount: 2)
    var example = DrawnPictures.example(0)
    example.objects = []
    let report = try trainer.step([example])
    #expect(report.losses.total.isFinite && report.losses.rpnRegression == 0)
    #expect(report.counts.positiveRoIs == 0 && report.counts.anchors > 0)
  }

  @Test func wrongExamplesAreRefused() throws {
    let trainer = try Trainer(try model(), settings: settings(), threadCount: 1)
    #expect(throws: TrainingError.self) { try trainer.step([]) }
    var example = DrawnPictures.example(0)
    example.objects[0].classIndex = 2
    #expect(throws: TrainingError.self) { try trainer.step([example]) }
    example.objects[0].isIgnored = true
    #expect(throws: Never.self) { try trainer.step([example]) }
  }
}
