internal import Tensors

/// The sum of two maps, of which the second may be enlarged to the first's extents, and an activation.
struct Sum: Operation {
  var inputs: [Network.Value]
  /// Whether the second map is enlarged as `UpsampleNearest` does, in the same pass.
  var enlargesSecond = false
  private var following: Network.Activation

  init(_ first: Network.Value, _ second: Network.Value, activation: Network.Activation) {
    inputs = [first, second]
    following = activation
  }

  var activation: Network.Activation? {
    get { following }
    set { following = newValue ?? .none }
  }

  func isNonNegative(_ inputs: [Bool]) -> Bool {
    following.isNonNegative || (following == .none && inputs.allSatisfy { $0 })
  }

  func extents(of inputs: [[Int]], name: String) throws(ComputeError) -> [Int] {
    let isSame =
      enlargesSecond
      ? inputs[0].count == 4 && inputs[1].count == 4 && inputs[0][..<2] == inputs[1][..<2]
        && !inputs[1].contains(0)
      : inputs[0] == inputs[1]
    guard isSame else {
      throw ComputeError(
        operation: name, reason: "\(Shape(inputs[1])) cannot be added to \(Shape(inputs[0]))")
    }
    return inputs[0]
  }

  func sourceRows(for rows: Range<Int>, of extent: Int) -> Range<Int>? { rows }

  func lower(_ layer: LoweredLayer, in lowering: inout Lowering) throws(ComputeError) {
    try lowering.addMapStep(
      layer, first: inputs[0], second: inputs[1], enlargesSecond: enlargesSecond,
      activation: following, kernel: enlargesSecond ? "upsample and sum" : "sum")
  }
}

extension Network {
  /// Adds the sum of two values of the same shape, and an activation.
  public mutating func add(
    _ first: Value, _ second: Value, activation: Activation = .none, name: String
  ) -> Value {
    precondition(
      channelCount(first) == channelCount(second),
      "\(name): a sum of \(channelCount(first)) and \(channelCount(second)) channels")
    return append(
      Sum(first, second, activation: activation), channels: channelCount(first), name: name)
  }
}
