/// exp(x) over the sum of the channels' exp(x).
struct Softmax: Operation {
  var inputs: [Network.Value]

  func isNonNegative(_ inputs: [Bool]) -> Bool { true }

  func extents(of inputs: [[Int]], name: String) throws(ComputeError) -> [Int] { inputs[0] }

  func sourceRows(for rows: Range<Int>, of extent: Int) -> Range<Int>? { rows }

  func lower(_ layer: LoweredLayer, in lowering: inout Lowering) throws(ComputeError) {
    let input = try lowering.memory(of: inputs[0], kept: .float32, name: layer.name)
    let descriptor = try PrimitiveDescriptor.softmax(input.layout, name: layer.name)
    let destination = try Memory(descriptor.destinationLayout)
    try lowering.addStep(
      descriptor, name: layer.name, operationCount: 0, reading: [(.source, input)],
      writing: destination)
    lowering.set(destination, of: layer.result)
  }
}

extension Network {
  /// Adds a softmax over the channels.
  public mutating func softmax(_ input: Value, name: String) -> Value {
    append(Softmax(inputs: [input]), channels: channelCount(input), name: name)
  }
}
