/// The extents of an array, outermost axis first.
///
/// Shapes come from files and requests: `init(checking:)` refuses negative extents and products
/// that overflow, so that `count` and `rowMajorStrides` can be trusted wherever a `Shape` exists.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  /// The extents, outermost first; empty for a scalar.
  public let dimensions: [Int]

  /// The number of elements: the product of the extents, 1 for a scalar.
  public let count: Int

  /// Makes a shape from extents that the program itself chose; traps on a negative extent.
  public init(_ dimensions: [Int]) {
    guard let shape = Shape(checking: dimensions) else {
      preconditionFailure("negative or overflowing shape \(dimensions)")
    }
    self = shape
  }

  /// Makes a shape from extents that came from outside.
  ///
  /// - Returns: `nil` where an extent is negative or the product of those that are not zero
  ///   overflows `Int` (a zero must not hide an overflow from the strides).
  public init?(checking dimensions: [Int]) {
    var product = 1
    for dimension in dimensions {
      guard dimension >= 0 else { return nil }
      let (next, overflow) = product.multipliedReportingOverflow(by: max(dimension, 1))
      guard !overflow else { return nil }
      product = next
    }
    self.dimensions = dimensions
    self.count = dimensions.contains(0) ? 0 : product
  }

  /// Makes a shape from a literal, as in `[1, 3, 600, 800]`.
  public init(arrayLiteral elements: Int...) {
    self.init(elements)
  }

  /// The number of axes.
  public var rank: Int { dimensions.count }

  /// The extent of one axis.
  public subscript(axis: Int) -> Int { dimensions[axis] }

  /// The distance in elements from one index of each axis to the next, row-major.
  public var rowMajorStrides: [Int] {
    var strides = [Int](repeating: 1, count: dimensions.count)
    for axis in dimensions.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * max(dimensions[axis + 1], 1)
    }
    return strides
  }

  /// The extents joined by `x`, as in `1x3x600x800`.
  public var description: String {
    dimensions.isEmpty ? "scalar" : dimensions.map(String.init).joined(separator: "x")
  }
}
