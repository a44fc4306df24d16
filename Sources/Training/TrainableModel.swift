internal import Detection
public import Families
internal import Networks
public import Tensors

/// A model before a training: its tensors, where each comes from, and what it tells apart.
///
/// What a source has and fits is taken over; the rest is initialised as the family does it.
public struct TrainableModel: Sendable {
  /// A network that a training can start from nothing with.
  public enum Architecture: String, Sendable, CaseIterable {
    /// The embedded model's: a VGG of ten convolutions of 16 to 128 channels, normalised.
    case narrowVGG = "narrow-vgg"
    /// VGG16 as simple-faster-rcnn has it.
    case vgg16
    /// torchvision's ResNet-18 with a feature pyramid.
    case resnet18FPN = "resnet18-fpn"
    /// torchvision's `fasterrcnn_resnet50_fpn`.
    case resnet50FPN = "resnet50-fpn"
  }

  /// Where one tensor comes from: a row of the table that a person reads before a training.
  public struct Origin: Sendable, Hashable {
    /// The name that the family's files have for it.
    public var name: String

    /// Its extents.
    public var shape: Shape

    /// Whether it was taken over; otherwise it was initialised.
    public var isTakenOver: Bool

    /// Why, or how: a clause.
    public var reason: String
  }

  /// The tensors under canonical names, with the family and the settings.
  public let blueprint: Blueprint

  /// The classes, without background.
  public let labels: [String]

  /// Where each tensor comes from, in the order of the file.
  public let origins: [Origin]

  /// Makes a model that knows nothing, or as much as an ImageNet classifier's features do.
  ///
  /// What is normalised has the factor 1 and statistics of 0 and 1 then: train it with
  /// `trainsNormalisation`, unless a classifier gives better ones.
  ///
  /// - Parameters:
  ///   - architecture: the network.
  ///   - labels: the classes, without background.
  ///   - settings: what is not as the family has it, as `.minimumSide` or `.anchorScales`.
  ///   - classifier: torchvision's VGG16 or ResNet as a state dictionary (`features.*`, `conv1`, `layer1`…).
  ///   - seed: where random weights start.
  /// - Throws: `TrainingError` where the labels or settings make no sense, or nothing of a classifier fits.
  public init(
    _ architecture: Architecture, labels: [String], settings: ModelCard = ModelCard(),
    classifier: StateDictionary? = nil, seed: UInt64 = 0
  ) throws(TrainingError) {
    guard let family = Family.named(architecture.familyName) else {
      preconditionFailure("no family \(architecture.familyName)")
    }
    var card = settings.filled(from: architecture.settings)
    card[.profile] = .text(family.name)
    let anchorCount = try Self.anchorsPerCell(card, architecture)
    let rows = architecture.shapes(classCount: labels.count, anchorCount: anchorCount)
    var builder = Builder(family: family, seed: seed)
    for (name, shape) in rows {
      let theirs = classifier == nil ? nil : ClassifierNames.name(ofTensor: name)
      let found = theirs.flatMap { classifier?[$0] }
      if let theirs, let found, found.shape == shape {
        builder.take(name, found, "the classifier's \(theirs)")
      } else {
        builder.initialise(
          name, shape, rows: rows,
          because: found.map { "the classifier's has shape \($0.shape)" })
      }
    }
    guard classifier == nil || builder.origins.contains(where: \.isTakenOver) else {
      throw .unusable(
        "nothing of the classifier fits \(architecture.rawValue): its tensors are named as "
          + "\"\(classifier?.names.first ?? "")\", and a torchvision VGG16 or ResNet has features.0.weight or "
          + "conv1.weight of the network's own size")
    }
    try self.init(builder, labels: labels, card: card)
  }

  /// Takes over a served model of any family.
  ///
  /// Where the labels are others than the model's, the layers that tell classes apart are initialised.
  ///
  /// - Parameters:
  ///   - blueprint: the model, as `Model.blueprint` reads it.
  ///   - labels: the classes, without background.
  ///   - seed: where random weights start.
  /// - Throws: `TrainingError` where the tensors make no network.
  public init(
    _ blueprint: Blueprint, labels: [String], seed: UInt64 = 0
  ) throws(TrainingError) {
    let layout = blueprint.detection.classes.layout
    let classCount = blueprint.state["head.class.weight"].map { $0.shape[0] - 1 } ?? 0
    let known = blueprint.card.labels ?? blueprint.family.labels(count: classCount)
    let keepsClasses = labels.count == classCount && (known == nil || known == labels)
    var builder = Builder(family: blueprint.family, seed: seed)
    let rows = blueprint.state.names.map { name in
      (name: name, shape: blueprint.state[name]?.shape ?? [])
    }
    for (name, shape) in rows {
      guard let tensor = blueprint.state[name] else { continue }
      let isClass = name.hasPrefix("head.class.")
      let isBox = name.hasPrefix("head.boxes.") && layout.offsets != .shared
      if keepsClasses || !(isClass || isBox) {
        builder.take(name, tensor, "the model's own")
        continue
      }
      let groups =
        isBox
        ? 4 * (layout.offsets == .perClass ? labels.count : labels.count + 1) : labels.count + 1
      builder.initialise(
        name, Shape([groups] + shape.dimensions.dropFirst()), rows: rows,
        because: "the classes are others")
    }
    var card = blueprint.card
    card.int8InputRanges = nil
    // Names and descriptions are of the model that was.
    for key in [ModelCard.Key.name, .version, .description] { card[key] = nil }
    try self.init(builder, labels: labels, card: card)
  }

  private init(
    _ builder: Builder, labels: [String], card: ModelCard
  ) throws(TrainingError) {
    var card = card
    do {
      try card.state(.labels, .list(labels.map { .text($0) }))
    } catch {
      throw .unusable("the classes cannot be learnt: \(error.reason)")
    }
    guard !labels.isEmpty else { throw .unusable("there are no classes to learn") }
    do {
      blueprint = try Blueprint(Evidence(builder.state), options: card)
    } catch {
      throw .family(error)
    }
    self.labels = labels
    origins = builder.origins
  }

  /// The layers that see edges and colours, which usually stay as ImageNet has taught them, for
  /// `TrainingSettings.frozenLayers`: a VGG's first four convolutions, as simple-faster-rcnn's
  /// `decom_vgg16` has them, with their normalisation; the stem and the first stage of others.
  public var lowestLayers: [String] {
    let prefix = "backbone.features."
    let convolutions = blueprint.state.names.compactMap { name -> Int? in
      guard name.hasPrefix(prefix), name.hasSuffix(".weight"),
        blueprint.state[name]?.shape.rank == 4
      else { return nil }
      return Int(name.dropFirst(prefix.count).dropLast(".weight".count))
    }
    guard convolutions.isEmpty else {
      return convolutions.sorted().prefix(4).map { "\(prefix)\($0)" }
    }
    return ["backbone.stem", "backbone.layer1"].filter { layer in
      blueprint.state.names.contains { $0.hasPrefix(layer + ".") }
    }
  }

  /// The same without its tensors, for who keeps it while they are trained.
  var withoutTensors: TrainableModel {
    TrainableModel(blueprint: blueprint.withoutTensors, labels: labels, origins: origins)
  }

  private init(blueprint: Blueprint, labels: [String], origins: [Origin]) {
    self.blueprint = blueprint
    self.labels = labels
    self.origins = origins
  }

  /// The anchors of a cell that the settings make.
  private static func anchorsPerCell(
    _ card: ModelCard, _ architecture: Architecture
  ) throws(TrainingError) -> Int {
    // Conventions read the number of levels from the tensors' names, so those have to be there.
    var state = StateDictionary()
    guard let family = Family.named(architecture.familyName) else { return 0 }
    for (name, _) in architecture.shapes(classCount: 1, anchorCount: 1) {
      state[family.fileName(ofTensor: name)] = StoredTensor(Tensor(shape: [1]))
    }
    do {
      let levels = try Blueprint(Evidence(state), options: card).detection.levels
      let counts = Set(levels.map(\.anchors.anchorsPerCell))
      guard let count = counts.first, counts.count == 1 else {
        throw TrainingError.unusable(
          "all levels need the same number of anchors, and the settings make "
            + counts.sorted().map(String.init).joined(separator: ", "))
      }
      return count
    } catch let error as TrainingError {
      throw error
    } catch let error as FamilyError {
      throw .family(error)
    } catch {
      throw .unusable("\(error)")
    }
  }
}

/// Gathers tensors under the names of a family's files.
private struct Builder {
  let family: Family
  let seed: UInt64
  private(set) var state = StateDictionary()
  private(set) var origins: [TrainableModel.Origin] = []

  init(family: Family, seed: UInt64) {
    self.family = family
    self.seed = seed
  }

  mutating func take(_ canonical: String, _ tensor: StoredTensor, _ reason: String) {
    add(canonical, tensor, isTakenOver: true, reason)
  }

  /// Draws a tensor; `rows` has the weights that biases belong to.
  mutating func initialise(
    _ canonical: String, _ shape: Shape, rows: [(name: String, shape: Shape)],
    because reason: String?
  ) {
    var rule = Initialisation.of(canonical, shape, family: family)
    if case .uniform = rule, shape.rank == 1, canonical.hasSuffix(".bias") {
      let weights = canonical.dropLast("bias".count) + "weight"
      if let row = rows.first(where: { $0.name == weights }) {
        rule = Initialisation.of(row.name, row.shape, family: family)
      }
    }
    let tensor = rule.tensor(named: canonical, shape, seed: seed)
    add(
      canonical, tensor, isTakenOver: false,
      (reason.map { $0 + ": " } ?? "") + rule.words)
  }

  private mutating func add(
    _ canonical: String, _ tensor: StoredTensor, isTakenOver: Bool, _ reason: String
  ) {
    let name = family.fileName(ofTensor: canonical)
    state[name] = tensor
    origins.append(
      TrainableModel.Origin(
        name: name, shape: tensor.shape, isTakenOver: isTakenOver, reason: reason))
  }
}
