/// One of the feature maps that the RPN looks at.
public struct FeatureLevel: Sendable, Hashable {
  /// A name that no other level has, as `p3`.
  public var name: String

  /// The pixels of the network's input from one cell to the next, but for what rounding at the edges
  /// does.
  public var stride: Int

  /// The number of channels.
  public var channels: Int

  /// Describes a level.
  public init(name: String, stride: Int, channels: Int) {
    self.name = name
    self.stride = stride
    self.channels = channels
  }
}
