internal import Tensors

/// What the machine can do at most, by the engine's own measure.
public enum PeakRate {
  /// The rate of a matrix product of 2048 cubed in a precision, in operations a second.
  ///
  /// It is the best of `runs`, on the calling thread's team.
  ///
  /// - Throws: `ComputeError` where oneDNN has no kernel for it.
  public static func of(
    _ precision: PlanOptions.Precision, runs: Int = 20
  ) throws(ComputeError) -> Double {
    let side = 2048
    let name = "matrix product of \(side) cubed"
    let (sourceType, weightType, resultType): (ElementType, ElementType, ElementType) =
      switch precision {
      case .float32: (.float32, .float32, .float32)
      case .bfloat16: (.bfloat16, .bfloat16, .float32)
      case .int8: (.uint8, .int8, .int32)
      }
    let extents = [side, side]
    let descriptor = try PrimitiveDescriptor.matrixProduct(
      TensorLayout(shape: extents, elementType: sourceType, order: .plain),
      weights: .any(extents, elementType: weightType),
      TensorLayout(shape: extents, elementType: resultType, order: .plain), hasBiases: false,
      name: name)
    let layouts: [(Argument, TensorLayout)] = [
      (.source, descriptor.sourceLayout), (.weights, descriptor.weightsLayout),
      (.destination, descriptor.destinationLayout), (.scratchpad, descriptor.scratchpadLayout),
    ]
    var blocks: [MemoryBlock] = []
    var memories: [(Argument, Memory)] = []
    for (argument, layout) in layouts {
      let block = try MemoryBlock(count: layout.byteCount)
      // Zeros: numbers that happen to be denormal would be slower.
      unsafe block.address.initializeMemory(as: UInt8.self, repeating: 0, count: block.count)
      blocks.append(block)
      memories.append((argument, try unsafe Memory(layout, at: block.address)))
    }
    let stream = try Stream()
    let call = PrimitiveCall(try Primitive(descriptor, name: name), memories)
    let clock = ContinuousClock()
    var best = Duration.seconds(1 << 20)
    for _ in 0..<max(runs, 1) {
      let start = clock.now
      try call.run(on: stream)
      try stream.wait(for: name)
      best = min(best, clock.now - start)
    }
    withExtendedLifetime(blocks) {}
    let operations = 2 * Double(side) * Double(side) * Double(side)
    return operations / (best / .seconds(1))
  }
}
