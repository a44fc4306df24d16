public import Families
internal import Networks

/// A Faster R-CNN read from a checkpoint: its networks, its profile and what it says of itself.
///
/// Opening one reads names, shapes and settings; the weights are reordered for the CPU when a
/// `Detector` is made of it. Several detectors of one model share the weights.
public struct Model: Sendable {
  /// What a caller may choose when a model is opened; the file's own word stands where it is `nil`.
  public struct Options: Sendable {
    /// The name of the profile.
    public var profile: String?

    /// The names of the classes, without background.
    public var labels: [String]?

    /// The epsilon of batch normalisation, which is in no state dictionary.
    public var normalisationEpsilon: Double?

    /// Makes a set of options.
    public init(
      profile: String? = nil, labels: [String]? = nil, normalisationEpsilon: Double? = nil
    ) {
      self.profile = profile
      self.labels = labels
      self.normalisationEpsilon = normalisationEpsilon
    }
  }

  /// The key of a safetensors file's metadata under which its settings stand as JSON text.
  public static let settingsMetadataKey = "frcnn"

  /// What answers say of the model.
  public let description: ModelDescription

  /// The words that the model has for people, if it has any.
  public let about: String?

  /// What was passed over in the file, as clauses for people.
  public let remarks: [String]

  /// Whether the model has the ranges that int8 needs.
  public var isCalibrated: Bool { networks.isCalibrated }

  /// The backbone, as `VGG with 13 convolutions`.
  public var architectureName: String { networks.architectureName }

  /// All settings that apply, those of the family included, as JSON text: models of one text and one digest answer
  /// alike.
  public var settingsText: String { blueprint.card.json() }

  let networks: DetectorNetworks
  let blueprint: Blueprint

  init(
    description: ModelDescription, about: String?, remarks: [String] = [],
    networks: DetectorNetworks,
    blueprint: Blueprint
  ) {
    self.description = description
    self.about = about
    self.remarks = remarks
    self.networks = networks
    self.blueprint = blueprint.withoutTensors
  }

  /// The same model whose networks hand out what their layers read.
  var observingInputs: Model {
    Model(
      description: description, about: about, remarks: remarks,
      networks: networks.observingInputs,
      blueprint: blueprint)
  }

  /// The path of the settings that belong to a checkpoint, there or not: `NAME.json` beside it.
  public static func settingsPath(of path: String) -> String {
    ModelNeighbours(of: path).settingsPath
  }

  /// The model that is a part of the program: red cells, white cells and platelets in pictures of
  /// blood smears.
  ///
  /// - Parameter options: what the caller chooses over the model's own word.
  /// - Returns: the model.
  /// - Throws: `ModelError` where the options do not fit it.
  public static func embedded(options: Options = Options()) throws(ModelError) -> Model {
    try ModelContents.embedded(options: options).model
  }

  /// Opens a checkpoint file.
  ///
  /// Settings come from the options, then from `NAME.json` beside the checkpoint (its extension
  /// replaced), then from the file's own metadata, from what the training code saved, and last from
  /// the family.
  ///
  /// - Parameters:
  ///   - path: a file of safetensors, PyTorch (zip or legacy), NumPy or Caffe.
  ///   - options: what the caller chooses over the file's own word.
  /// - Returns: the model; its weights are still in the file, which stays mapped until a detector
  ///   has read them.
  /// - Throws: `ModelError` that says what is wrong, where, and how to mend it.
  public static func open(_ path: String, options: Options = Options()) throws(ModelError) -> Model
  {
    try ModelContents.open(path, options: options).model
  }

  /// Reads what a checkpoint is, with its tensors, as `open` does, for who changes it, as a training does.
  ///
  /// - Parameters:
  ///   - path: The checkpoint, or a folder with one.
  ///   - options: What the caller states about it.
  /// - Returns: how the file is understood, and its tensors under canonical names.
  /// - Throws: `ModelError` as `open`.
  public static func blueprint(
    _ path: String, options: Options = Options()
  ) throws(ModelError) -> Blueprint {
    try ModelContents.open(path, options: options).blueprint
  }

  /// Reads what the embedded model is, with its tensors.
  public static func embeddedBlueprint(
    options: Options = Options()
  ) throws(ModelError) -> Blueprint {
    try ModelContents.embedded(options: options).blueprint
  }
}
