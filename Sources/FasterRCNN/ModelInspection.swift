public import Checkpoints
internal import Detection
internal import Families
internal import Images
internal import Networks
public import Tensors

/// What is known of a model file once it was opened: for people, and for whoever chooses a profile.
///
/// Nothing is computed with the weights.
public struct ModelInspection: Sendable {
  /// A tensor as the file holds it.
  public struct TensorEntry: Sendable, Equatable {
    /// The file's own name for it.
    public var name: String
    /// The type of its elements.
    public var elementType: ElementType
    /// Its extents, outermost first.
    public var shape: Shape
  }

  /// A setting that applies to the model.
  public struct SettingEntry: Sendable, Equatable {
    /// Its name in the settings, as `picture.min_size`.
    public var name: String
    /// Its value as JSON text.
    public var value: String
    /// Where it comes from, in words.
    public var origin: String
  }

  /// How much of a file has one element type.
  public struct ElementTypeCount: Sendable, Equatable {
    /// The type.
    public var elementType: ElementType
    /// The number of tensors.
    public var tensorCount: Int
    /// The number of their elements.
    public var elementCount: Int
  }

  /// The anchors of a cell of a feature map.
  public struct Anchors: Sendable, Equatable {
    /// The side in pixels that scales multiply.
    public var baseSize: Float
    /// The sides in base sizes.
    public var scales: [Float]
    /// Heights divided by widths.
    public var ratios: [Float]
    /// The pixels of the resized picture from one cell to the next.
    public var stride: Int
  }

  /// What the file is.
  public let format: CheckpointFormat

  /// The size of the file in bytes.
  public let byteCount: Int

  /// Name, profile, labels, digest, what was assumed and the rest of what answers say.
  public let description: ModelDescription

  /// The words that the model has for people, if it has any.
  public let about: String?

  /// The backbone, as `VGG with 13 convolutions`.
  public let architectureName: String

  /// The file's tensors in its order.
  public let tensors: [TensorEntry]

  /// The file's element types, that of the most elements first.
  public let elementTypes: [ElementTypeCount]

  /// The bytes of the weights as float32, which is how they are computed with.
  public let float32ByteCount: Int

  /// The anchors of a cell of each feature map, from the finest.
  public let anchors: [Anchors]

  /// The side of the square of cells that each RoI is pooled to.
  public let pooledSize: Int

  /// Whose code trains the family, as `chenyuntc/simple-faster-rcnn-pytorch`.
  public let project: String

  /// All settings that apply, with where each comes from.
  public let settings: [SettingEntry]

  /// The tensors that no layer uses, under the file's names.
  public let unusedTensors: [String]

  /// What was passed over in the file, as clauses for people.
  public let remarks: [String]

  /// How large a picture is made, in words.
  public let resizing: String

  /// How a picture becomes numbers, in words.
  public let preprocessing: String

  /// Opens a file and describes it.
  ///
  /// - Parameters:
  ///   - path: a file of safetensors, PyTorch (zip or legacy), NumPy or Caffe; `nil` is the embedded model.
  ///   - options: what the caller chooses over the file's own word.
  /// - Throws: `ModelError`, as `Model.open` does.
  public init(_ path: String?, options: Model.Options = .init()) throws(ModelError) {
    if let path {
      self.init(try ModelContents.open(path, options: options))
    } else {
      self.init(try ModelContents.embedded(options: options))
    }
  }

  private init(_ contents: ModelContents) {
    let model = contents.model
    let blueprint = contents.blueprint
    format = contents.checkpoint.format
    byteCount = contents.byteCount
    description = model.description
    about = model.about
    architectureName = model.architectureName
    let state = contents.checkpoint.stateDictionary
    tensors = state.names.compactMap { name in
      state[name].map {
        TensorEntry(name: name, elementType: $0.elementType, shape: $0.shape)
      }
    }
    var counts: [ElementType: ElementTypeCount] = [:]
    for tensor in tensors {
      let type = tensor.elementType
      var count =
        counts[type] ?? ElementTypeCount(elementType: type, tensorCount: 0, elementCount: 0)
      count.tensorCount += 1
      count.elementCount += tensor.shape.count
      counts[type] = count
    }
    elementTypes = counts.values.sorted {
      ($1.elementCount, $0.elementType.rawValue) < ($0.elementCount, $1.elementType.rawValue)
    }
    float32ByteCount = 4 * blueprint.state.parameterCount
    anchors = zip(blueprint.detection.levels, model.networks.levels).map { level, map in
      Anchors(
        baseSize: level.anchors.baseSize, scales: level.anchors.scales,
        ratios: level.anchors.ratios, stride: map.stride)
    }
    pooledSize = model.networks.pooledSize
    project = blueprint.family.project
    settings = blueprint.settingEntries
    unusedTensors =
      blueprint.unknownNames + model.networks.unusedTensors.map(blueprint.originalName)
      + contents.checkpoint.leftOut
    remarks = model.remarks
    resizing = "\(blueprint.picture.resize)"
    preprocessing = "\(blueprint.picture.preprocessing)"
  }
}
