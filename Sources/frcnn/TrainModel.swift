import Datasets
import Checkpoints
import Families
import FasterRCNN
import Tensors
import Training
import TrainingData

/// Where a training begins: what is known before the labels are.
enum TrainSource {
  case blueprint(Blueprint)
  case architecture(TrainableModel.Architecture, classifier: StateDictionary?)
}

extension TrainCommand {
  /// Opens what the training begins from.
  func openSource() throws(Failure) -> TrainSource {
    let from = try TrainSettings.from.value(flag: model.from)
    let name = try TrainSettings.architecture.value(flag: model.architecture)
    var architecture: TrainableModel.Architecture?
    if let name {
      architecture = TrainableModel.Architecture(rawValue: name)
      guard architecture != nil else {
        throw Failure(
          .usage,
          "--architecture is '\(name)'; it takes "
            + TrainableModel.Architecture.allCases.map(\.rawValue).joined(separator: ", "))
      }
    }
    let options = Model.Options(
      profile: try ModelSettings.profile.value(flag: model.profile),
      normalisationEpsilon: try ModelSettings.normalisationEpsilon.value(
        flag: model.batchNormEpsilon))
    switch from {
    case nil, "nothing":
      if let architecture { return .architecture(architecture, classifier: nil) }
      guard from == nil else { return .architecture(.narrowVGG, classifier: nil) }
      return .blueprint(try blueprint(nil, options))
    case "embedded":
      try refuse(architecture, with: "the embedded model, which is a narrow-vgg")
      return .blueprint(try blueprint(nil, options))
    case let path?:
      if let classifier = try classifier(path) {
        let fitting = Self.architectures(of: classifier)
        guard let chosen = architecture ?? fitting.first else {
          throw Failure(
            .brokenInput,
            "\(path): it is no detector, and no VGG16, ResNet-18 or ResNet-50 as torchvision saves them; "
              + "frcnn inspect says what it is")
        }
        guard fitting.contains(chosen) else {
          throw Failure(
            .usage,
            "\(path) has features for "
              + "\(fitting.map(\.rawValue).joined(separator: ", ")), not for \(chosen.rawValue)")
        }
        return .architecture(chosen, classifier: classifier)
      }
      try refuse(architecture, with: "\(path), which has a network of its own")
      return .blueprint(try blueprint(path, options))
    }
  }

  private func refuse(
    _ architecture: TrainableModel.Architecture?, with source: String
  ) throws(Failure) {
    guard let architecture else { return }
    throw Failure(
      .usage,
      "--architecture \(architecture.rawValue) does not go with \(source); leave one of both out")
  }

  private func blueprint(
    _ path: String?, _ options: Model.Options
  ) throws(Failure) -> Blueprint {
    do {
      guard let path else { return try Model.embeddedBlueprint(options: options) }
      return try Model.blueprint(path, options: options)
    } catch {
      throw ModelOptions.Choice.failure(error, path: path)
    }
  }

  /// A file's tensors where they are a classifier's; `nil` where it may be a detector.
  private func classifier(_ path: String) throws(Failure) -> StateDictionary? {
    do {
      let state = try Checkpoint.open(path).stateDictionary
      let isDetector = state.names.contains {
        $0.contains("rpn") || $0.contains("roi_head") || $0.contains("RCNN")
      }
      return !isDetector && !Self.architectures(of: state).isEmpty ? state : nil
    } catch {
      throw ModelOptions.Choice.failure(.checkpoint(error), path: path)
    }
  }

  /// The networks that a classifier's features are of.
  private static func architectures(
    of state: StateDictionary
  ) -> [TrainableModel.Architecture] {
    // The normalised VGG16's features.28 is a normalisation.
    if state["features.28.weight"]?.shape.rank == 4 { return [.vgg16] }
    guard state["conv1.weight"] != nil, state["layer4.0.conv1.weight"] != nil else { return [] }
    guard state["layer1.0.conv3.weight"] != nil else {
      return state["layer1.2.conv1.weight"] == nil ? [.resnet18FPN] : []
    }
    return state["layer3.6.conv1.weight"] == nil ? [.resnet50FPN] : []
  }

  /// The classes: those of the file of labels, else the model's where they are the set's, else the set's.
  func labels(of dataset: DividedDataset, _ source: TrainSource) throws(Failure) -> [String] {
    if let path = try ModelSettings.labels.value(flag: data.labels) {
      return try StatedModelOptions.labels(path)
    }
    if case .blueprint(let blueprint) = source, let known = blueprint.card.labels,
      Set(known) == Set(dataset.labels)
    {
      return known
    }
    return dataset.labels
  }

  /// Makes the model.
  func trainableModel(
    _ source: TrainSource, labels: [String], check: DatasetCheck
  ) throws(Failure) -> TrainableModel {
    let seed = UInt64(try TrainSettings.seed.value(flag: learning.seed))
    let sides = (
      minimum: try TrainSettings.minimumSide.value(flag: model.minSize),
      maximum: try TrainSettings.maximumSide.value(flag: model.maxSize)
    )
    do {
      switch source {
      case .blueprint(let blueprint):
        guard sides.minimum == nil, sides.maximum == nil, model.anchors == nil else {
          throw Failure(
            .usage,
            "--min-size, --max-size and --anchors are for a new network (--architecture); a model keeps "
              + "what it was trained with")
        }
        return try TrainableModel(blueprint, labels: labels, seed: seed)
      case .architecture(let architecture, let classifier):
        var card = ModelCard()
        card[.minimumSide] = sides.minimum.map { .integer($0) }
        card[.maximumSide] = sides.maximum.map { .integer($0) }
        let hasOneMap = architecture == .narrowVGG || architecture == .vgg16
        let anchors = try TrainSettings.anchors.value(flag: model.anchors)
        switch anchors {
        case .scales(let scales):
          guard hasOneMap else {
            throw Failure(
              .usage, "--anchors is for narrow-vgg and vgg16; a pyramid has a size for each map")
          }
          card[.anchorScales] = .list(scales.map { .number($0) })
        case .automatic where hasOneMap:
          let minimum = sides.minimum ?? (architecture == .narrowVGG ? 480 : 600)
          let maximum = sides.maximum ?? (architecture == .narrowVGG ? 800 : 1000)
          if let scales = check.anchorScales(minimumSide: minimum, maximumSide: maximum) {
            card[.anchorScales] = .list(scales.map { .number($0) })
          }
        case .automatic, .model: break
        }
        return try TrainableModel(
          architecture, labels: labels, settings: card, classifier: classifier, seed: seed)
      }
    } catch let error as TrainingError {
      throw Failure(.brokenInput, "\(error)")
    } catch let error as Failure {
      throw error
    } catch {
      throw Failure(.internalError, "\(error)")
    }
  }

  /// The classes and where the weights come from, as a person reads it before the first step.
  static func table(of model: TrainableModel, objects: [Int]) -> String {
    var classes = TextTable([("", .right), ("class", .left), ("objects", .right)])
    for (index, label) in model.labels.enumerated() {
      classes.add(["\(index)", label.printable, "\(objects[index])"])
    }
    var weights = TextTable([("tensor", .left), ("shape", .left), ("", .left), ("why", .left)])
    // Weight and bias of a layer, and layers in a row of which the same is to be said, are one line.
    var rows: [(first: String, last: String, shape: String, origin: TrainableModel.Origin)] = []
    for origin in model.origins {
      if let last = rows.last, last.origin.isTakenOver == origin.isTakenOver,
        last.origin.reason == origin.reason
      {
        rows[rows.count - 1].last = origin.name
      } else {
        rows.append((origin.name, origin.name, "\(origin.shape)", origin))
      }
    }
    for row in rows {
      let isOne = row.first == row.last
      weights.add([
        isOne ? row.first : "\(row.first) ... \(row.last)", isOne ? row.shape : "",
        row.origin.isTakenOver ? "taken over" : "new", row.origin.reason,
      ])
    }
    return classes.text + "\n" + weights.text
  }
}
