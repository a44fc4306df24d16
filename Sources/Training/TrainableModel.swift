public import Families
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
  /// - Parameters:
  ///   - architecture: the network.
  ///   - labels: the classes, without background.
  ///   - settings: what is not as the family has it, as `.minimumSide` or `.anchorScales`.
  ///   - classifier: torchvision's VGG16 or ResNet as a state dictionary (`features.*`, `conv1`, `layer1`…).
  ///   - seed: where random weights start.
  /// - Throws: `TrainingError` where the labels or settings make no sense.
  public init(
    _ architecture: Architecture, labels: [String], settings: ModelCard = ModelCard(),
    classifier: StateDictionary? = nil, seed: UInt64 = 0
  ) throws(TrainingError) {
    throw .unusable("a start from nothing is not possible yet")
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
    self.blueprint = blueprint
    self.labels = labels
    origins = []
  }
}
