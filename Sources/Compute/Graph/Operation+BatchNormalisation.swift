/// The factors and statistics of a normalisation that learns: a layer of its own, where one that stays is
/// folded into the convolution before it.
///
/// Plans for inference use the statistics as they are here; a `ParameterStore` may learn them.
public final class NormalisationFactors: Sendable {
  /// What the tensors are called, without `.weight`.
  let name: String
  /// For each channel gamma and beta, then the running mean and variance.
  let scale: [Float]
  let bias: [Float]
  let mean: [Float]
  let variance: [Float]
  let epsilon: Double

  /// Takes over the numbers; traps unless there are as many of each.
  ///
  /// - Parameters:
  ///   - name: what the tensors are called, without `.weight`.
  ///   - scale: gamma, for each channel.
  ///   - bias: beta.
  ///   - mean: the running mean.
  ///   - variance: the running variance.
  ///   - epsilon: what is added to a variance before its root is taken.
  public init(
    name: String, scale: [Float], bias: [Float], mean: [Float], variance: [Float], epsilon: Double
  ) {
    precondition(
      [bias.count, mean.count, variance.count].allSatisfy { $0 == scale.count },
      "\(name): \(scale.count) factors, \(bias.count) terms, \(mean.count) means, "
        + "\(variance.count) variances")
    self.name = name
    self.scale = scale
    self.bias = bias
    self.mean = mean
    self.variance = variance
    self.epsilon = epsilon
  }

  /// The normalisation by the running statistics as a factor and a term for each channel.
  var folded: (scale: [Float], bias: [Float]) {
    let scales = scale.indices.map {
      Double(scale[$0]) / (Double(variance[$0]) + epsilon).squareRoot()
    }
    return (
      scales.map { Float($0) },
      scales.indices.map { Float(Double(bias[$0]) - Double(mean[$0]) * scales[$0]) }
    )
  }
}

/// Batch normalisation (Ioffe and Szegedy, arXiv:1502.03167) as a layer of its own.
struct BatchNormalisation: Operation {
  var inputs: [Network.Value]
  let factors: NormalisationFactors
  private var following: Network.Activation

  init(_ input: Network.Value, factors: NormalisationFactors, activation: Network.Activation) {
    inputs = [input]
    self.factors = factors
    following = activation
  }

  var activation: Network.Activation? {
    get { following }
    set { following = newValue ?? .none }
  }

  func extents(of inputs: [[Int]], name: String) throws(ComputeError) -> [Int] {
    try map(inputs[0], name: name)
  }

  func sourceRows(for rows: Range<Int>, of extent: Int) -> Range<Int>? { rows }

  func lower(_ layer: LoweredLayer, in lowering: inout Lowering) throws(ComputeError) {
    let (scale, bias) = factors.folded
    try lowering.addMapStep(
      layer, first: inputs[0], factors: .constants(scale: scale, bias: bias),
      activation: following, kernel: "batch normalisation")
  }
}

extension Network {
  /// Adds a batch normalisation that may learn.
  ///
  /// - Parameters:
  ///   - input: the map.
  ///   - factors: one of each for every channel of the input.
  ///   - activation: what follows.
  ///   - name: the layer's name.
  /// - Returns: the normalised map.
  public mutating func batchNormalisation(
    _ input: Value, factors: NormalisationFactors, activation: Activation = .none, name: String
  ) -> Value {
    precondition(
      factors.scale.count == channelCount(input),
      "\(name): \(factors.scale.count) factors for \(channelCount(input)) channels")
    return append(
      BatchNormalisation(input, factors: factors, activation: activation),
      channels: channelCount(input), name: name)
  }
}
