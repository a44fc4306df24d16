/// How the side of a box is measured.
public enum SideConvention: Sendable, Hashable {
  /// A side is `max - min`: coordinates are edges.
  case halfOpen

  /// A side is `max - min + 1`: coordinates are the first and the last pixel.
  ///
  /// The "legacy +1" of py-faster-rcnn and its descendants.
  case inclusive

  /// What is added to the difference of the coordinates, in pixels.
  @inlinable
  public var extra: Float {
    switch self {
    case .halfOpen: 0
    case .inclusive: 1
    }
  }
}
