public import Compute

/// A head that begins with a residual stage, in two parts between which RoIs are pooled.
///
/// Its first two layers, 1x1 convolutions, read a pooled map. Where pooling is a weighted sum of cells (RoIAlign)
/// it makes no difference whether they come before or behind it, but that their biases come behind: samples off
/// the map count as zero. On the map they are computed once for each of its cells, and not for every cell of
/// hundreds of RoIs that overlap; and of what a stride passes over nothing is pooled.
public struct DividedHead: Sendable {
  /// What one of the layers makes, and what is done to it where it is pooled.
  public struct Part: Sendable {
    /// The layer's outputs.
    public let channels: Int
    /// Of each axis every how many-th bin is read.
    public let step: Int
    /// What is added to each channel.
    public let biases: [Float]
    /// Whether the sum is then rectified.
    public let isRectified: Bool
  }

  /// From features (N, C, H, W) to the parts, without their biases.
  public internal(set) var map: Network

  /// From the parts, pooled, to class offsets and class logits, as `DetectorNetworks.head`.
  public internal(set) var pooled: Network

  /// The parts, in the order of the first's outputs and of the second's inputs.
  public let parts: [Part]
}
