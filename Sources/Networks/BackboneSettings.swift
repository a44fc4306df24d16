/// What the shapes of a backbone's weights do not tell, and families do differently.
public struct BackboneSettings: Sendable, Hashable {
  /// Where a ResNet bottleneck takes its stride: both have the same weights.
  public enum ResidualStride: String, Sendable, Hashable {
    /// In the first 1x1 convolution: He et al., Caffe, and whoever took those weights.
    case firstConvolution = "1x1"
    /// In the 3x3 convolution: torchvision ("ResNet v1.5").
    case middleConvolution = "3x3"
  }

  /// Whether a 2x2 pooling window that reaches over the edge counts (Caffe, Chainer) or not.
  public var poolingRoundsUp: Bool

  /// Where a ResNet bottleneck takes its stride.
  public var residualStride: ResidualStride

  /// The padding of a ResNet's 3x3 max pooling; without it the pooling rounds up.
  public var stemPoolingPadding: Int

  /// Makes a set of settings.
  public init(
    poolingRoundsUp: Bool = false, residualStride: ResidualStride = .firstConvolution,
    stemPoolingPadding: Int = 0
  ) {
    self.poolingRoundsUp = poolingRoundsUp
    self.residualStride = residualStride
    self.stemPoolingPadding = stemPoolingPadding
  }
}
