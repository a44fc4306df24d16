internal import Tensors

/// Each picture's channels, a group at a time, less their mean and over their deviation, then times a
/// factor plus a term for each channel (Wu and He, arXiv:1803.08494).
struct GroupNormalisation: Operation {
  var inputs: [Network.Value]
  let groups: Int
  let scale: [Float]
  let bias: [Float]
  let epsilon: Float
  private var following: Network.Activation

  init(
    _ input: Network.Value, groups: Int, scale: [Float], bias: [Float], epsilon: Float,
    activation: Network.Activation
  ) {
    inputs = [input]
    self.groups = groups
    self.scale = scale
    self.bias = bias
    self.epsilon = epsilon
    following = activation
  }

  var activation: Network.Activation? {
    get { following }
    set { following = newValue ?? .none }
  }

  func extents(of inputs: [[Int]], name: String) throws(ComputeError) -> [Int] {
    try map(inputs[0], name: name)
  }

  func lower(_ layer: LoweredLayer, in lowering: inout Lowering) throws(ComputeError) {
    try lowering.addMapStep(
      layer, first: inputs[0], factors: .groupNormalisation(self), activation: following,
      kernel: "group normalisation")
  }
}

extension Network {
  /// Adds a group normalisation, and an activation.
  ///
  /// - Parameters:
  ///   - input: (N, C, H, W).
  ///   - groups: into how many groups of neighbours the channels are split, a divisor of C.
  ///   - scale: C factors.
  ///   - bias: C terms.
  ///   - epsilon: what is added to the variance before its root is taken; 1e-5 in PyTorch.
  ///   - activation: what follows.
  ///   - name: what plans and errors call the layer.
  /// - Returns: (N, C, H, W).
  public mutating func groupNormalisation(
    _ input: Value, groups: Int, scale: [Float], bias: [Float], epsilon: Float,
    activation: Activation = .none, name: String
  ) -> Value {
    let channels = channelCount(input)
    precondition(
      groups > 0 && channels % groups == 0 && scale.count == channels && bias.count == channels,
      "\(name): \(groups) groups, \(scale.count) factors, \(bias.count) terms, \(channels) channels"
    )
    return append(
      GroupNormalisation(
        input, groups: groups, scale: scale, bias: bias, epsilon: epsilon, activation: activation),
      channels: channels, name: name)
  }
}
