internal import Checkpoints
internal import Families
internal import Networks
public import Tensors

/// A model under one set of names with all its settings, ready to be written as one file.
///
/// The tensors keep the names that their family's PyTorch code has for them, in its newest spelling,
/// and all that the family, the files and the caller say stands as JSON in the metadata, so that
/// `Model.open` needs nothing else. Weights stay as they are trained: batch normalisation is not
/// folded. Tensors that no layer uses are left out.
public struct ModelConversion: Sendable {
  /// The tensors and, under `Model.settingsMetadataKey`, the settings.
  public private(set) var stateDictionary: StateDictionary

  /// The tensors under canonical names.
  private var state: StateDictionary

  private var card: ModelCard

  private let family: Family

  /// The tensors that keep their element type whatever is asked for: the statistics of batch
  /// normalisation, whose range is not that of weights.
  public let keptNames: Set<String>

  /// What was assumed of the model because its file does not say, and why; `nil` where nothing was.
  public let assumption: String?

  /// What was passed over in the file, as clauses for people.
  public let remarks: [String]

  /// The name of the profile.
  public let profile: String

  /// Opens a file and names its contents anew; the weights stay in the file until they are written.
  ///
  /// - Parameters:
  ///   - path: a file of safetensors, PyTorch (zip or legacy), NumPy or Caffe.
  ///   - options: what the caller chooses over the file's own word.
  /// - Throws: `ModelError`, as `Model.open` does.
  public init(_ path: String, options: Model.Options = .init()) throws(ModelError) {
    self.init(try ModelContents.open(path, options: options))
  }

  /// The model that is a part of the program.
  ///
  /// - Throws: `ModelError`, which would be a defect of the program.
  public static func embedded(
    options: Model.Options = .init()
  ) throws(ModelError) -> ModelConversion {
    ModelConversion(try ModelContents.embedded(options: options))
  }

  /// States the ranges that int8 needs, instead of those that the model may have.
  ///
  /// - Parameter ranges: as `Calibration.ranges` has them; `nil` for none.
  public mutating func setInputRanges(_ ranges: [String: ClosedRange<Float>]?) {
    card.int8InputRanges = ranges
    stateDictionary.metadata[Model.settingsMetadataKey] = card.json()
  }

  /// A fully connected layer that became a product of two.
  public struct Factorisation: Sendable {
    /// The layer's name, as `head.classifier.0`.
    public let name: String
    /// Outputs and inputs.
    public let shape: Shape
    /// The values between the two.
    public let rank: Int
    /// The share of the squares of the weights that the product has.
    public let energyShare: Double
  }

  /// Replaces the RoI head's hidden layers, in their order, by products of two layers of a rank each,
  /// as near to them as such products come (see `LowRankFactors`).
  ///
  /// The ranges for int8 are dropped: those of the new layers are not known.
  ///
  /// - Parameters:
  ///   - ranks: the values between the two layers of each product; a layer without one stays whole.
  ///   - progress: told of each layer's name, and of the rounds done out of at most how many.
  /// - Returns: what became of which layer.
  /// - Throws: `ModelError` where there are fewer layers than ranks, or a rank does not make its layer
  ///   smaller.
  public mutating func factoriseHead(
    ranks: [Int], progress: (_ name: String, _ done: Int, _ total: Int) -> Void = { _, _, _ in }
  ) throws(ModelError) -> [Factorisation] {
    let layers = DetectorNetworks.hiddenHeadLayers(of: state)
    guard ranks.count <= layers.count else {
      throw .mismatch(
        "there are \(ranks.count) ranks, but the head has \(layers.count) fully connected layers with "
          + "ReLU that are still whole")
    }
    // A copy, so that a layer that cannot be factorised leaves the model as it was.
    var state = state
    var made: [Factorisation] = []
    for (layer, rank) in zip(layers, ranks) {
      guard let tensor = state[layer + ".weight"] else { continue }
      let name = family.fileName(ofTensor: layer)
      let (rows, columns) = (tensor.shape[0], tensor.shape[1])
      guard rank > 0, rank * (rows + columns) < rows * columns else {
        throw .mismatch(
          "rank \(rank) does not make \(name) smaller; for its \(tensor.shape) weights it is less than "
            + "\((rows * columns - 1) / (rows + columns) + 1)")
      }
      let factors: LowRankFactors
      do {
        factors = try unsafe tensor.withFloat32Values { values in
          try unsafe LowRankFactors(values, rows: rows, columns: columns, rank: rank) {
            progress(name, $0, LowRankFactors.roundLimit)
          }
        }
      } catch {
        throw .mismatch("\(name) cannot be factorised: \(error)")
      }
      guard factors.energyShare.isFinite else {
        throw .mismatch("\(name) holds values that are not finite")
      }
      state[layer + ".0.weight"] = StoredTensor(
        Tensor(shape: [rank, columns], values: factors.right))
      state[layer + ".1.weight"] = StoredTensor(
        Tensor(shape: [rows, rank], values: factors.left))
      state[layer + ".1.bias"] = state[layer + ".bias"]
      state[layer + ".weight"] = nil
      state[layer + ".bias"] = nil
      made.append(
        Factorisation(
          name: name, shape: tensor.shape, rank: rank, energyShare: factors.energyShare))
    }
    self.state = state
    stateDictionary = Self.named(state, family, card)
    setInputRanges(nil)
    return made
  }

  private init(_ contents: ModelContents) {
    let (summary, blueprint) = (contents.model.description, contents.blueprint)
    (state, card, family) = (blueprint.state, blueprint.card, blueprint.family)
    // Names that a script left in the file and that are not the model's are not told again.
    if card.labels != summary.labels { card[.labels] = nil }
    stateDictionary = Self.named(state, family, card)
    keptNames = Set(
      stateDictionary.names.filter {
        $0.hasSuffix(".running_mean") || $0.hasSuffix(".running_var")
      })
    assumption = summary.assumption
    remarks = contents.model.remarks
    profile = summary.profile
  }

  /// The tensors under the family's names, with the settings.
  private static func named(
    _ state: StateDictionary, _ family: Family, _ card: ModelCard
  ) -> StateDictionary {
    var result = StateDictionary(
      metadata: ["format": "pt", Model.settingsMetadataKey: card.json()])
    for name in state.names { result[family.fileName(ofTensor: name)] = state[name] }
    return result
  }

  /// Refuses a type that cannot hold the weights.
  ///
  /// - Parameter floatType: `float32`, `float16` or `bfloat16`.
  /// - Throws: the first tensor of which a finite value would become infinite.
  public func check(fitsIn floatType: ElementType) throws(ValueOutOfRange) {
    for name in stateDictionary.names where !keptNames.contains(name) {
      guard let tensor = stateDictionary[name], tensor.elementType.isFloatingPoint,
        tensor.elementType != floatType
      else { continue }
      // The values halfway between the largest one and the next that the exponent would allow:
      // from there on rounding to nearest gives an infinity.
      let limit: Float =
        switch floatType {
        case .float16: 65_520
        case .bfloat16: 0x1.FFp127
        default: .infinity
        }
      let isWider = tensor.elementType == .float64
      let excess = unsafe tensor.withFloat32Values { values -> Float? in
        // Safety: the loop stays within the buffer's own indices.
        for index in values.indices {
          let value = unsafe values[index]
          let size = abs(value)
          if size >= limit, size.isFinite || isWider { return value }
        }
        return nil
      }
      if let excess {
        throw ValueOutOfRange(tensorName: name, value: excess, elementType: floatType)
      }
    }
  }

  /// A weight that a narrower type cannot hold.
  public struct ValueOutOfRange: Error, Sendable, CustomStringConvertible {
    /// The tensor, under its new name.
    public var tensorName: String
    /// The value, which is an infinity where float32 cannot hold it either.
    public var value: Float
    /// The type asked for.
    public var elementType: ElementType

    /// What is wrong and how to mend it.
    public var description: String {
      "tensor \"\(tensorName)\" holds \(value), which \(elementType.rawValue) cannot hold; "
        + "choose a wider type"
    }
  }
}
