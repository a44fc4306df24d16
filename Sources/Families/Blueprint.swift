internal import Checkpoints
public import Detection
public import Networks
public import Tensors

/// A file understood: which family it is of, its tensors under canonical names, and all that is needed
/// to run it, with where each of it comes from.
public struct Blueprint: Sendable {
  /// The family.
  public let family: Family

  /// The tensors under canonical names.
  public private(set) var state: StateDictionary

  /// What the shapes of the tensors do not tell.
  public let architecture: Architecture

  /// How a picture becomes the network's input.
  public let picture: PictureRule

  /// How outputs become boxes.
  public let detection: DetectionProfile

  /// All that applies: what was stated, and for the rest what the family does.
  public let card: ModelCard

  /// Where what applies comes from.
  public let origins: [ModelCard.Key: Origin]

  /// What was assumed because nobody says it, and why, as clauses.
  public let assumptions: [String]

  /// The file's tensors that have no canonical name, in the file's order.
  public let unknownNames: [String]

  /// Parts of the file that do nothing for boxes, in words, as `the mask head`.
  public let leftOut: [String]

  private let originalNames: [String: String]

  /// Where a setting comes from.
  public enum Origin: Sendable, Equatable {
    /// The caller.
    case options
    /// A file of settings, or a checkpoint's metadata.
    case settings(source: String)
    /// What the training code saved in the file or beside it.
    case file
    /// The family's own way.
    case family
    /// Nobody says it; why it was taken so.
    case assumption(reason: String)
  }

  /// Settings as they were read: JSON text and where it stands.
  public struct Source: Sendable {
    let name: String
    let reader: CardReader

    /// Reads settings from JSON text.
    ///
    /// - Parameters:
    ///   - json: UTF-8 text, at most 1 MiB.
    ///   - name: where it came from, for people.
    /// - Throws: `FamilyError.settings` with the place in the text or the member that does not fit.
    public init(json: [UInt8], name: String) throws(FamilyError) {
      self.name = name
      do {
        reader = try CardReader.read(json)
      } catch {
        throw .settings(source: name, reason: error.reason)
      }
    }
  }

  /// Understands a file.
  ///
  /// - Parameters:
  ///   - evidence: the file.
  ///   - options: what the caller chooses, over everything else.
  ///   - sources: settings that stand beside the file and in it, the weightiest first.
  /// - Throws: `FamilyError` where the file is of no family, or what is said of it does not fit.
  public init(
    _ evidence: Evidence, options: ModelCard = ModelCard(), sources: [Source] = []
  ) throws(FamilyError) {
    let stated = sources.reduce(options) { $0.filled(from: $1.reader.card) }
    let (family, assumption) = try Family.family(of: evidence, requested: stated.text(.profile))
    self.family = family

    var layers: [(origin: Origin, card: ModelCard)] = [(.options, options)]
    for source in sources {
      let origin = Origin.settings(source: source.name)
      layers.append((origin, source.reader.card))
      for (group, value) in source.reader.arguments.sorted(by: { $0.key < $1.key }) {
        layers.append((origin, try family.card(group: group, value, source: source.name)))
      }
    }
    layers.append((.file, try family.card(evidence).filled(from: evidence.labels)))
    var conventions = try family.conventions(evidence)
    let merged = layers.reduce(ModelCard()) { $0.filled(from: $1.card) }
    do {
      try conventions.apply(merged)
    } catch {
      throw .settings(source: "the model", reason: error.reason)
    }

    var origins: [ModelCard.Key: Origin] = [:]
    var card = merged.filled(from: conventions.card)
    card[.profile] = .text(family.name)
    for key in card.values.keys {
      origins[key] =
        layers.first { $0.card[key] != nil }?.origin
        ?? conventions.assumptions[key].map { .assumption(reason: $0) } ?? .family
    }
    self.origins = origins
    self.card = card
    var assumptions = assumption.map { [$0] } ?? []
    for key in ModelCard.Key.allCases {
      if case .assumption(let reason) = origins[key] { assumptions.append(reason) }
    }
    self.assumptions = assumptions
    (architecture, picture, detection) = (
      conventions.architecture, conventions.picture, conventions.detection
    )

    var state = StateDictionary(metadata: evidence.state.metadata)
    var originalNames: [String: String] = [:]
    var unknownNames: [String] = []
    var leftOut: [String] = []
    for name in evidence.state.names {
      // PyTorch's count of training steps is no weight.
      if name.hasSuffix(".num_batches_tracked") { continue }
      if let part = family.leftOut.first(where: { name.hasPrefix($0.prefix) }) {
        if !leftOut.contains(part.what) { leftOut.append(part.what) }
        continue
      }
      guard let canonical = family.names.canonical(name), state[canonical] == nil else {
        unknownNames.append(name)
        continue
      }
      state[canonical] = evidence.state[name]?.withoutLeadingOnes(in: evidence.format)
      originalNames[canonical] = name
    }
    self.state = state
    self.originalNames = originalNames
    self.unknownNames = unknownNames
    self.leftOut = leftOut
  }

  /// The same without the tensors, which keep their file open.
  public var withoutTensors: Blueprint {
    var result = self
    result.state = StateDictionary()
    return result
  }

  /// What the file calls a tensor; the family's name for one that it lacks.
  public func originalName(_ canonical: String) -> String {
    originalNames[canonical] ?? family.names.original(canonical) ?? canonical
  }
}

extension Family {
  /// What a group of the family's own settings means.
  fileprivate func card(
    group: String, _ value: ConfigValue, source: String
  ) throws(FamilyError) -> ModelCard {
    guard let arguments, arguments.group == group else {
      throw .settings(
        source: source, reason: "\"\(group)\" is for another family, and the model is a \(name)")
    }
    do {
      return try arguments.card(value)
    } catch {
      throw .settings(source: source, reason: "in \"\(group)\", \(error.reason)")
    }
  }
}

extension StoredTensor {
  /// The tensor as its layer has it: Caffe's files of 2014 give every blob four axes, the first of
  /// which are 1.
  fileprivate func withoutLeadingOnes(in format: CheckpointFormat) -> StoredTensor {
    guard format == .caffeModel, shape.rank == 4, isContiguous else { return self }
    let kept = shape.dimensions.drop { $0 == 1 }
    // A convolution with one output keeps its axes: its kernel has more than one cell, or is 1x1.
    guard shape[0] == 1, shape[1] == 1 else { return self }
    return StoredTensor(
      elementType: elementType, shape: Shape(Array(kept)), storage: storage, byteOffset: byteOffset)
      ?? self
  }
}
