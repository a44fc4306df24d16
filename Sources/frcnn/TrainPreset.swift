import Detection
import Families
import Training
import TrainingData

/// A whole way to train.
enum TrainPreset: String, Sendable, CaseIterable {
  /// What a few hundred pictures need, from whatever start.
  case standard
  case note000 = "note-000"
  case note001 = "note-001"
  case note004 = "note-004"
  case torchvision

  /// The way that a source describes; `nil` for the standard.
  var source: TrainingSettings.Preset? { TrainingSettings.Preset(rawValue: rawValue) }

  /// How pictures are changed.
  var augmentation: Augmentation { self == .standard ? .standard : .mirrored }
}

/// From what a training begins.
enum TrainStart: Sendable, Equatable {
  case nothing
  /// A classifier's features.
  case classifier
  /// A detector.
  case model
}

/// How long a training goes on.
enum TrainLength: Sendable, Equatable {
  case epochs(Double)
  case iterations(Int)
  case time(Duration)
}

/// What a person chose of how to learn, read and checked; what is `nil` the preset decides.
struct LearningChoice: Sendable {
  var preset: TrainPreset
  var length: TrainLength?
  var batch: Int?
  var rate: Double?
  var schedule: ScheduleChoice?
  var warmUp: Int?
  var momentum: Double?
  var weightDecay: Double?
  var clip: Double?
  var average: Double?
  var frozenLayers: [String]?
  var seed: UInt64

  /// The pictures that a step learns from.
  var picturesPerStep: Int { batch ?? preset.source?.picturesPerStep ?? 2 }

  /// How long, where nobody says it.
  func length(from start: TrainStart) -> TrainLength {
    if let length { return length }
    if let source = preset.source { return .epochs(Double(source.epochCount)) }
    return switch start {
    case .nothing: .epochs(30)
    case .classifier: .epochs(20)
    case .model: .epochs(12)
    }
  }

  /// The settings of a training of so many steps.
  ///
  /// - Parameters:
  ///   - stepCount: the steps in all.
  ///   - pictureCount: the pictures that an epoch shows.
  ///   - start: what the training begins from.
  ///   - model: what is trained.
  /// - Returns: the settings.
  func settings(
    stepCount: Int, pictureCount: Int, start: TrainStart, model: TrainableModel
  ) -> TrainingSettings {
    let isPyramid = model.blueprint.detection.levels.count > 1
    let stepsPerEpoch = max(1, (pictureCount + picturesPerStep - 1) / picturesPerStep)
    func iteration(ofEpoch epoch: Double) -> Int {
      Int((epoch * Double(pictureCount) / Double(picturesPerStep)).rounded())
    }
    var settings: TrainingSettings
    if let source = preset.source {
      settings = source.settings(stepsPerEpoch: stepsPerEpoch, for: model)
    } else {
      let rate: Double =
        switch (start, isPyramid) {
        case (.nothing, false): 0.004
        case (.model, false): 0.002
        // A classifier's features are worth more than the head that is still to be learnt.
        case (.classifier, false): 0.001
        case (.model, true): 0.0025
        case (_, true): 0.005
        }
      settings = TrainingSettings(
        schedule: LearningRateSchedule(
          // The rates are for two pictures a step, and go with their number.
          baseRate: rate * Double(picturesPerStep) / 2,
          course: .cosine(end: stepCount, floor: 0.005),
          warmUp: .init(iterations: min(200, stepCount / 10), startFactor: 0.005)))
      settings.weightDecay = isPyramid ? 1e-4 : 5e-4
      settings.maximumGradientNorm = 10
      // A window of a twentieth of the steps, a thousand at most.
      settings.averageDecay = Float(1 - 1 / min(max(Double(stepCount) / 20, 2), 1000))
      if start == .classifier { settings.frozenLayers = model.lowestLayers }
    }
    if start == .nothing {
      // Random layers are worth no protection, and statistics that nobody measured normalise nothing.
      settings.frozenLayers = []
      settings.trainsNormalisation = true
    }
    if let rate { settings.schedule.baseRate = rate }
    switch schedule {
    case nil: break
    case .cosine: settings.schedule.course = .cosine(end: stepCount, floor: 0.005)
    case .constant: settings.schedule.course = .constant
    case .steps(let epochs):
      settings.schedule.course = .steps(
        iterations: epochs.map(iteration(ofEpoch:)), factor: 0.1)
    }
    if let warmUp {
      settings.schedule.warmUp = warmUp == 0 ? nil : .init(iterations: warmUp, startFactor: 0.005)
    }
    if let momentum { settings.momentum = Float(momentum) }
    if let weightDecay { settings.weightDecay = Float(weightDecay) }
    if let clip { settings.maximumGradientNorm = clip == 0 ? nil : Float(clip) }
    if let average { settings.averageDecay = average == 0 ? nil : Float(average) }
    if let frozenLayers { settings.frozenLayers = frozenLayers }
    settings.seed = seed
    return settings
  }
}
