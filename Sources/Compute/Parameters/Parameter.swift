internal import CConvolutionKernels
public import Tensors

/// Numbers of a network that learning changes, and the gradient of a loss by them.
///
/// They are those of a checkpoint. Where a normalisation that stays as it is stands behind a layer, kernels
/// read the layer's weights times a factor for each output channel, which `publish` renews.
///
/// A parameter belongs to the compute thread of the plans that use it.
@safe public final class Parameter {
  /// What the parameter is called: its layer's name and `.weight` or `.bias`.
  public let name: String

  /// The extents, output channels first.
  public let shape: Shape

  /// What kernels read.
  let values: MemoryBlock
  let gradient: MemoryBlock

  /// The checkpoint's numbers, where kernels read them times `outputScales`.
  private let unscaled: MemoryBlock?
  private let outputScales: [Float]?

  /// Takes over the numbers.
  ///
  /// - Parameters:
  ///   - name: what it is called.
  ///   - shape: its extents.
  ///   - values: what kernels read.
  ///   - unscaled: the checkpoint's own numbers and the factors of the output channels, where there are any.
  /// - Throws: `ComputeError` where the system has no memory for the gradient.
  init(
    name: String, shape: Shape, values: MemoryBlock,
    unscaled: (values: MemoryBlock, outputScales: [Float])? = nil
  ) throws(ComputeError) {
    self.name = name
    self.shape = shape
    self.values = values
    self.unscaled = unscaled?.values
    outputScales = unscaled?.outputScales
    gradient = try MemoryBlock(zeros: shape.count * MemoryLayout<Float>.stride)
  }

  /// The checkpoint's numbers.
  @unsafe var own: UnsafeMutablePointer<Float> {
    unsafe (unscaled ?? values).address.assumingMemoryBound(to: Float.self)
  }

  @unsafe var gradientValues: UnsafeMutablePointer<Float> {
    unsafe gradient.address.assumingMemoryBound(to: Float.self)
  }

  /// Calls a closure with the numbers, which it may change, and the gradient.
  public func update<Result>(
    _ body: (inout MutableSpan<Float>, Span<Float>) -> Result
  ) -> Result {
    defer { publish() }
    // Safety: both blocks were made for `shape.count` floats and live as long as this object.
    var values = unsafe MutableSpan(_unsafeStart: own, count: shape.count)
    let gradient = unsafe Span(
      _unsafeStart: UnsafePointer(gradientValues), count: shape.count)
    return body(&values, gradient)
  }

  /// Calls a closure with the numbers.
  public func read<Result>(_ body: (Span<Float>) -> Result) -> Result {
    // Safety: as above.
    unsafe body(Span(_unsafeStart: UnsafePointer(own), count: shape.count))
  }

  /// Sets the gradient to zero, to which each backward pass adds its own.
  public func clearGradient() {
    unsafe gradient.address.initializeMemory(as: UInt8.self, repeating: 0, count: gradient.count)
  }

  /// Makes the gradient by the scaled numbers, which plans compute, that by the checkpoint's own.
  func unscaleGradient() {
    guard let outputScales else { return }
    let length = shape.count / max(outputScales.count, 1)
    OpenMP.parallel(outputScales.count, threadCount: OpenMP.threadCount) { channels in
      for channel in channels {
        // Safety: there are `length` numbers for each output channel.
        let row = unsafe gradientValues + channel * length
        unsafe gradient_scale(row, row, length, outputScales[channel])
      }
    }
  }

  /// Renews what kernels read after the checkpoint's own numbers have changed.
  func publish() {
    guard let outputScales, unscaled != nil else { return }
    let length = shape.count / max(outputScales.count, 1)
    let scaled = unsafe values.address.assumingMemoryBound(to: Float.self)
    OpenMP.parallel(outputScales.count, threadCount: OpenMP.threadCount) { channels in
      for channel in channels {
        // Safety: as above.
        unsafe gradient_scale(
          scaled + channel * length, own + channel * length, length, outputScales[channel])
      }
    }
  }
}
