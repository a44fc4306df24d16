/// The sides below which a box is dropped.
public struct MinimumSide: Sendable, Hashable {
  /// The least side in pixels of the original picture, or of the resized one.
  public var length: Float

  /// Whether `length` is multiplied by the picture's scale: it is then one of the original picture.
  public var scalesWithImage: Bool

  /// Whether a side of exactly this length is dropped too.
  public var isExclusive: Bool

  /// Makes a bound.
  public init(length: Float, scalesWithImage: Bool = false, isExclusive: Bool = false) {
    self.length = length
    self.scalesWithImage = scalesWithImage
    self.isExclusive = isExclusive
  }

  /// The least side that is kept: above a length means at or above the next float after it.
  func bound(scale: Float) -> Float {
    let bound = scalesWithImage ? length * scale : length
    return isExclusive ? bound.nextUp : bound
  }
}
