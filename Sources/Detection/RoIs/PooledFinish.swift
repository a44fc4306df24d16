/// What is done to pooled channels before they are written, where pooling is linear: what follows a layer that
/// was applied to the map instead of to what is cut out of it.
public struct PooledFinish: Sendable {
  /// One for each channel.
  public let biases: [Float]

  /// Whether negative numbers then become zeros.
  public let isRectified: Bool

  /// Adds biases, and rectifies the sums or not.
  public init(biases: [Float], isRectified: Bool) {
    self.biases = biases
    self.isRectified = isRectified
  }
}
