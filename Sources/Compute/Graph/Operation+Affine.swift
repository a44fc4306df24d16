/// Each channel times a factor plus a term: a batch normalisation with frozen statistics.
struct Affine: Operation {
  var inputs: [Network.Value]
  let scale: [Float]
  let bias: [Float]
  private var following: Network.Activation

  init(
    _ input: Network.Value, scale: [Float], bias: [Float], activation: Network.Activation
  ) {
    inputs = [input]
    self.scale = scale
    self.bias = bias
    following = activation
  }

  var activation: Network.Activation? {
    get { following }
    set { following = newValue ?? .none }
  }

  func extents(of inputs: [[Int]], name: String) throws(ComputeError) -> [Int] { inputs[0] }

  func sourceRows(for rows: Range<Int>, of extent: Int) -> Range<Int>? { rows }

  func lower(_ layer: LoweredLayer, in lowering: inout Lowering) throws(ComputeError) {
    try lowering.addMapStep(
      layer, first: inputs[0], factors: .constants(scale: scale, bias: bias),
      activation: following, kernel: "affine")
  }
}

extension Network {
  /// Adds a factor and a term for each channel, and an activation.
  ///
  /// A frozen batch normalisation is one with scale gamma / sqrt(variance + epsilon) and bias beta -
  /// mean * scale. Behind a convolution it costs nothing if it is folded into the weights, as `Networks`
  /// does where it reads them (`ParameterReader`).
  ///
  /// - Parameters:
  ///   - input: (N, C, H, W) or (N, C).
  ///   - scale: C factors.
  ///   - bias: C terms.
  ///   - activation: what follows.
  ///   - name: what plans and errors call the layer.
  /// - Returns: a value of the input's shape.
  public mutating func affine(
    _ input: Value, scale: [Float], bias: [Float], activation: Activation = .none, name: String
  ) -> Value {
    precondition(
      scale.count == channelCount(input) && bias.count == channelCount(input),
      "\(name): \(scale.count) factors, \(bias.count) terms for \(channelCount(input)) channels")
    return append(
      Affine(input, scale: scale, bias: bias, activation: activation),
      channels: channelCount(input), name: name)
  }
}
