/// The extents of a picture, in pixels.
public struct PictureSize: Sendable, Hashable {
  /// The number of rows.
  public var height: Int

  /// The number of columns.
  public var width: Int

  /// Makes a size.
  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  /// The number of pixels.
  public var pixelCount: Int { height * width }
}
