extension Lowering {
  /// Adds a pooling layer, in the type in which its source is kept where that changes nothing.
  mutating func addPooling(
    _ kind: PoolingKind, of input: Network.Value, _ geometry: PoolingGeometry,
    _ layer: LoweredLayer
  ) throws(ComputeError) {
    let kept = kind == .maximum ? storage(of: input) : .float32
    let source = try memory(of: input, kept: kept, name: layer.name)
    let destination = try addPoolingStep(kind, geometry, of: source, name: layer.name)
    set(destination, of: layer.result, kept: kept)
  }

  /// Adds the pooling of a tensor, and returns its result.
  mutating func addPoolingStep(
    _ kind: PoolingKind, _ geometry: PoolingGeometry, of source: Memory, name: String
  ) throws(ComputeError) -> Memory {
    let descriptor = try PrimitiveDescriptor.pooling(
      kind, source.layout,
      .any(geometry.output, elementType: source.layout.elementType), geometry, name: name)
    let destination = try Memory(descriptor.destinationLayout)
    try addStep(
      descriptor, name: name, operationCount: 0, reading: [(.source, source)],
      writing: destination)
    return destination
  }
}
