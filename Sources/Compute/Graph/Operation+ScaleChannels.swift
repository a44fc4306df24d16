internal import Tensors

/// A map whose channels are multiplied by factors that a network computes: the last step of squeeze and
/// excitation (Hu et al., arXiv:1709.01507).
struct ScaleChannels: Operation {
  /// The map, and (N, C) or (N, C, 1, 1).
  var inputs: [Network.Value]
  private var following: Network.Activation

  init(_ input: Network.Value, by factors: Network.Value, activation: Network.Activation) {
    inputs = [input, factors]
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
    let (source, factors) = (try map(inputs[0], name: name), inputs[1])
    guard factors[..<2] == source[..<2], factors[2...].allSatisfy({ $0 == 1 }) else {
      throw ComputeError(
        operation: name, reason: "\(Shape(factors)) are no factors for \(Shape(source))")
    }
    return source
  }

  func lower(_ layer: LoweredLayer, in lowering: inout Lowering) throws(ComputeError) {
    try lowering.addMapStep(
      layer, first: inputs[0], factors: .value(inputs[1]), activation: following,
      kernel: "scale channels")
  }
}

extension Network {
  /// Adds a product of each channel with a factor of its own, and an activation.
  ///
  /// - Parameters:
  ///   - input: (N, C, H, W).
  ///   - factors: (N, C) or (N, C, 1, 1).
  ///   - activation: what follows.
  ///   - name: what plans and errors call the layer.
  /// - Returns: (N, C, H, W).
  public mutating func scaleChannels(
    _ input: Value, by factors: Value, activation: Activation = .none, name: String
  ) -> Value {
    precondition(
      channelCount(input) == channelCount(factors),
      "\(name): \(channelCount(factors)) factors for \(channelCount(input)) channels")
    return append(
      ScaleChannels(input, by: factors, activation: activation), channels: channelCount(input),
      name: name)
  }
}
