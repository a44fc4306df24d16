/// An activation by itself.
struct Elementwise: Operation {
  var inputs: [Network.Value]
  let function: Network.Activation

  func isNonNegative(_ inputs: [Bool]) -> Bool {
    function.isNonNegative || (function == .none && inputs[0])
  }

  func extents(of inputs: [[Int]], name: String) throws(ComputeError) -> [Int] { inputs[0] }

  func sourceRows(for rows: Range<Int>, of extent: Int) -> Range<Int>? { rows }

  func lower(_ layer: LoweredLayer, in lowering: inout Lowering) throws(ComputeError) {
    try lowering.addMapStep(
      layer, first: inputs[0], activation: function, kernel: "activation")
  }
}

extension Network {
  /// Adds an activation.
  ///
  /// Behind a layer that nothing else reads it is computed along with that layer.
  public mutating func activation(_ input: Value, _ function: Activation, name: String) -> Value {
    append(
      Elementwise(inputs: [input], function: function), channels: channelCount(input), name: name)
  }
}
