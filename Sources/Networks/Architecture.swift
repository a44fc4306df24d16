/// What the shapes of a detector's weights do not tell, and families do differently.
///
/// Depths, widths, groups, the number of convolutions in the RPN and of layers in the head are read from
/// the tensors themselves.
public struct Architecture: Sendable, Hashable {
  /// What makes feature maps of a picture.
  public enum Backbone: Sendable, Hashable {
    /// Simonyan and Zisserman, arXiv:1409.1556.
    ///
    /// A 2x2 pooling window that reaches over the edge counts (Caffe, Chainer) or not; a pooling behind
    /// the last convolution belongs to the backbone (torchvision's `features`) or not.
    case vgg(poolingRoundsUp: Bool = false, poolsAtEnd: Bool = false)

    /// Zeiler and Fergus, arXiv:1311.2901, as py-faster-rcnn has it.
    case zeilerFergus

    /// He et al., arXiv:1512.03385, with its relatives that differ in widths and groups.
    ///
    /// The 3x3 max pooling of the stem has a padding, or none and then rounds up. A dilated last stage
    /// keeps the stride of the stage before (DC5).
    case resNet(ResidualStride, stemPoolingPadding: Int = 1, dilatesLastStage: Bool = false)

    /// Sandler et al., arXiv:1801.04381.
    case mobileNetV2

    /// The large one of Howard et al., arXiv:1905.02244.
    case mobileNetV3Large
  }

  /// Where a ResNet bottleneck takes its stride: both have the same weights.
  public enum ResidualStride: String, Sendable, Hashable {
    /// In the first 1x1 convolution: He et al., Caffe, and whoever took those weights.
    case firstConvolution = "1x1"
    /// In the 3x3 convolution: torchvision ("ResNet v1.5").
    case middleConvolution = "3x3"
  }

  /// How the layers that are normalised are.
  public enum Normalisation: Sendable, Hashable {
    /// By statistics from training, which are folded into the convolution: the epsilon is in no file.
    case batch(epsilon: Double)
    /// By those of the map itself, for so many groups of channels (Wu and He, arXiv:1803.08494).
    case group(count: Int, epsilon: Float)
  }

  /// What stands between the backbone and the RPN.
  public enum Neck: Sendable, Hashable {
    /// Nothing: the backbone's last map is the only level.
    case none
    /// A feature pyramid over the backbone's last maps, as many as it has lateral convolutions (Lin et
    /// al., arXiv:1612.03144), with or without a further level that is every second cell of the
    /// coarsest one.
    case pyramid(extraLevel: Bool)
  }

  /// What the RPN says of each anchor.
  public enum Objectness: Sendable, Hashable {
    /// One logit.
    case single
    /// Two logits, of background and of foreground.
    case pairs
  }

  /// For which classes the head refines boxes.
  public enum BoxRows: Sendable, Hashable {
    /// For each class and for background.
    case withBackground
    /// For each class.
    case foreground
    /// For all classes together.
    case shared
  }

  /// What makes feature maps of a picture.
  public var backbone: Backbone
  /// How the layers that are normalised are.
  public var normalisation: Normalisation
  /// What stands between the backbone and the RPN.
  public var neck: Neck
  /// What the RPN says of each anchor.
  public var objectness: Objectness
  /// The levels that RoIs are pooled from; all but an extra one where it is `nil`.
  public var roiLevels: Range<Int>?
  /// The side of a pooled RoI where the head begins with a residual stage; elsewhere shapes tell it.
  public var residualPooledSize: Int
  /// For which classes the head refines boxes.
  public var boxes: BoxRows

  /// Makes an architecture.
  public init(
    backbone: Backbone, normalisation: Normalisation = .batch(epsilon: 1e-5), neck: Neck = .none,
    objectness: Objectness, roiLevels: Range<Int>? = nil, residualPooledSize: Int = 14,
    boxes: BoxRows = .withBackground
  ) {
    self.backbone = backbone
    self.normalisation = normalisation
    self.neck = neck
    self.objectness = objectness
    self.roiLevels = roiLevels
    self.residualPooledSize = residualPooledSize
    self.boxes = boxes
  }
}
