import Compute
import Training
import TrainingData

extension TrainCommand {
  /// Reads how to learn.
  func learningChoice() throws(Failure) -> LearningChoice {
    // What a person types goes before all variables: only of several variables is it unclear which is meant.
    let isTyped = learning.epochs != nil || learning.iterations != nil || learning.time != nil
    var lengths: [TrainLength] = []
    if !isTyped || learning.epochs != nil,
      let epochs = try TrainSettings.epochs.value(flag: learning.epochs)
    {
      lengths.append(.epochs(epochs))
    }
    if !isTyped || learning.iterations != nil,
      let count = try TrainSettings.iterations.value(flag: learning.iterations)
    {
      lengths.append(.iterations(count))
    }
    if !isTyped || learning.time != nil,
      let time = try TrainSettings.time.value(flag: learning.time)
    {
      lengths.append(.time(time))
    }
    guard lengths.count <= 1 else {
      throw Failure(
        .configuration,
        "the environment variables FRCNN_EPOCHS, FRCNN_ITERATIONS and FRCNN_TIME say how long; set one"
      )
    }
    let frozen = try TrainSettings.freeze.value(flag: model.freeze).map { text in
      text == "none" ? [] : text.split(separator: ",").map(String.init)
    }
    return LearningChoice(
      preset: try TrainSettings.preset.value(flag: learning.preset), length: lengths.first,
      batch: try TrainSettings.batch.value(flag: learning.batch),
      rate: try TrainSettings.rate.value(flag: learning.rate),
      schedule: try TrainSettings.schedule.value(flag: learning.schedule),
      warmUp: try TrainSettings.warmUp.value(flag: learning.warmUp),
      momentum: try TrainSettings.momentum.value(flag: learning.momentum),
      weightDecay: try TrainSettings.weightDecay.value(flag: learning.weightDecay),
      clip: try TrainSettings.clip.value(flag: learning.clip),
      average: try TrainSettings.average.value(flag: learning.average), frozenLayers: frozen,
      seed: UInt64(try TrainSettings.seed.value(flag: learning.seed)))
  }

  /// Reads how pictures are changed.
  func augmentationChoice(_ preset: TrainPreset) throws(Failure) -> Augmentation {
    var result = preset.augmentation
    let flip = try TrainSettings.flip.value(flag: augmentation.flip)
    result.horizontalFlip = flip == .horizontal || flip == .both ? 0.5 : 0
    result.verticalFlip = flip == .vertical || flip == .both ? 0.5 : 0
    if let jitter = try TrainSettings.scaleJitter.value(flag: augmentation.scaleJitter) {
      result.scaleJitter = jitter
    }
    if let crop = try TrainSettings.crop.value(flag: augmentation.crop) { result.crop = crop }
    if let brightness = try TrainSettings.brightness.value(flag: augmentation.brightness) {
      result.brightness = brightness
    }
    if let colour = try TrainSettings.colour.value(flag: augmentation.colour) {
      result.colour = colour
    }
    return result
  }

  /// The threads that compute.
  func threadCount() throws(Failure) -> Int {
    let count = try ComputeSettings.threads.value(flag: learning.threads)
    return count == 0 ? ProcessorCount.available : count
  }
}

extension TrainingSettings {
  /// The settings in words, by name, for the report and to tell one training from another.
  var words: [(name: String, value: String)] {
    let course =
      switch schedule.course {
      case .constant: "constant"
      case .steps(let iterations, let factor):
        "times \(factor) after steps \(iterations.map(String.init).joined(separator: ", "))"
      case .cosine(_, let end, let floor): "cosine to \(floor) of it at step \(end)"
      }
    return [
      ("rate", "\(schedule.baseRate)"), ("course of the rate", course),
      ("warm-up", schedule.warmUp.map { "\($0.iterations) steps" } ?? "none"),
      ("momentum", "\(momentum)"),
      ("weight decay", "\(weightDecay)" + (decaysBiases ? "" : ", biases without")),
      ("rate of biases", "\(biasRateFactor) times"),
      ("bound of the gradients' norm", maximumGradientNorm.map { "\($0)" } ?? "none"),
      ("averaged weights", averageDecay.map { "\($0)" } ?? "none"),
      ("frozen layers", frozenLayers.isEmpty ? "none" : frozenLayers.joined(separator: ", ")),
      ("normalisation", trainsNormalisation ? "trained" : "as it is"), ("seed", "\(seed)"),
    ]
  }
}

extension Augmentation {
  /// The changes in words.
  var words: String {
    var parts: [String] = []
    if horizontalFlip > 0 { parts.append("mirrored") }
    if verticalFlip > 0 { parts.append("upside down") }
    if scaleJitter > 1 { parts.append("scale to \(scaleJitter)") }
    if crop > 0 { parts.append("crops \(crop)") }
    if brightness > 0 { parts.append("brightness \(brightness)") }
    if colour > 0 { parts.append("colour \(colour)") }
    return parts.isEmpty ? "none" : parts.joined(separator: ", ")
  }
}
