public import Tensors

/// Numbers of a network that learning changes, and the gradient of a loss by them.
///
/// A parameter belongs to the compute thread of the plans that use it.
@safe public final class Parameter {
  /// What the parameter is called: its layer's name and `.weight` or `.bias`.
  public let name: String

  /// The extents, output channels first.
  public let shape: Shape

  let values: MemoryBlock
  let gradient: MemoryBlock

  /// Takes over the numbers.
  init(name: String, shape: Shape, values: MemoryBlock) throws(ComputeError) {
    self.name = name
    self.shape = shape
    self.values = values
    gradient = try MemoryBlock(zeros: shape.count * MemoryLayout<Float>.stride)
  }

  /// Calls a closure with the numbers, which it may change, and the gradient.
  public func update<Result>(
    _ body: (inout MutableSpan<Float>, Span<Float>) -> Result
  ) -> Result {
    // Safety: both blocks were made for `shape.count` floats and live as long as this object.
    var values = unsafe MutableSpan(
      _unsafeStart: values.address.assumingMemoryBound(to: Float.self), count: shape.count)
    let gradient = unsafe Span(
      _unsafeStart: UnsafePointer(gradient.address.assumingMemoryBound(to: Float.self)),
      count: shape.count)
    return body(&values, gradient)
  }

  /// Sets the gradient to zero, to which each backward pass adds its own.
  public func clearGradient() {
    unsafe gradient.address.initializeMemory(as: UInt8.self, repeating: 0, count: gradient.count)
  }
}
