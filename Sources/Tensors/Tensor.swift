/// A dense float32 array in row-major order: what passes between the libraries as a value.
///
/// Weights are `StoredTensor`s instead (any element type, mapped from a file), and activations
/// inside a network live in the engine's own arenas and layouts.
public struct Tensor: Sendable, Equatable {
  /// The extents, outermost first.
  public let shape: Shape

  /// The elements, row-major; always `shape.count` of them.
  public var values: [Float] {
    didSet {
      precondition(
        values.count == shape.count, "\(values.count) values do not fill the shape \(shape)")
    }
  }

  /// Makes a tensor of one value.
  public init(shape: Shape, repeating value: Float = 0) {
    self.shape = shape
    self.values = [Float](repeating: value, count: shape.count)
  }

  /// Makes a tensor of values in row-major order; traps unless there are `shape.count` of them.
  public init(shape: Shape, values: [Float]) {
    precondition(
      values.count == shape.count, "\(values.count) values do not fill the shape \(shape)")
    self.shape = shape
    self.values = values
  }
}
