/// A feature map that the region proposal network looks at: its anchors, and where they stand.
public struct AnchorLevel: Sendable, Hashable {
  /// The anchors of a cell.
  public var anchors: AnchorSettings

  /// How far it is from one cell to the next.
  public var stride: StrideRule

  /// Where the first cell's centre lies, in strides: Detectron2's `OFFSET`, 0 nearly everywhere.
  public var offset: Float

  /// Makes a level.
  public init(anchors: AnchorSettings, stride: StrideRule, offset: Float = 0) {
    self.anchors = anchors
    self.stride = stride
    self.offset = offset
  }

  /// The anchors of a map.
  ///
  /// - Parameters:
  ///   - height: The rows of the map.
  ///   - width: The columns of the map.
  ///   - inputHeight: The rows of the network's input, padding included.
  ///   - inputWidth: The columns of the network's input, padding included.
  /// - Returns: H x W x A anchors, in pixels of the resized picture.
  public func grid(height: Int, width: Int, inputHeight: Int, inputWidth: Int) -> AnchorGrid {
    AnchorGrid(
      base: anchors.makeBase(), yStride: stride.pixels(of: inputHeight, over: height),
      xStride: stride.pixels(of: inputWidth, over: width), offset: offset, height: height,
      width: width)
  }
}

/// How many pixels of the network's input lie between two cells of a feature map.
public enum StrideRule: Sendable, Hashable {
  /// So many, whatever the sizes.
  case fixed(Int)

  /// The side of the input, padding included, over that of the map, rounded down, on each axis
  /// (torchvision's `AnchorGenerator`): 800 rows over 13 are 61 pixels, and not 64.
  case inputOverMap

  /// The stride along one axis.
  func pixels(of inputSide: Int, over mapSide: Int) -> Int {
    switch self {
    case .fixed(let stride): stride
    case .inputOverMap: inputSide / max(mapSide, 1)
    }
  }
}
