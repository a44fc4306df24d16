internal import Tensors

/// The parameters of networks by name: weights, biases and factors of the layers that are to learn.
///
/// Layers that share their weights share parameters, named as the weights are, or after the first of them:
/// what one network's plans learn, the plans of all others use that the store was made for.
public final class ParameterStore {
  /// What a layer learns; no biases where the checkpoint has none, or a normalisation that stays gives them.
  struct Pair {
    let weights: Parameter
    let biases: Parameter?
  }

  /// What a normalisation by the batch's statistics learns, and the statistics that it gathers.
  struct Normalisation {
    let scale: Parameter
    let bias: Parameter
    /// The running mean and variance, which change with every forward pass.
    let mean: Parameter
    let variance: Parameter
  }

  /// All parameters that gradients change, in the networks' order.
  public private(set) var parameters: [Parameter] = []

  /// What forward passes change: the running statistics of normalisations.
  public private(set) var statistics: [Parameter] = []

  private var pairs: [ObjectIdentifier: Pair] = [:]
  private var normalisations: [ObjectIdentifier: Normalisation] = [:]

  /// Reads the weights of layers out of the networks.
  ///
  /// - Parameters:
  ///   - networks: what is to learn.
  ///   - takesOver: whether the networks' own copies of what learns may go.
  ///   - isTrained: whether a layer learns, by the name of its weights.
  /// - Throws: `ComputeError` where the system has no memory for them.
  public init(
    _ networks: [Network], takesOver: Bool = false,
    where isTrained: (String) -> Bool = { _ in true }
  ) throws(ComputeError) {
    for layer in networks.flatMap(\.layers) {
      if let weights = layer.operation.weights {
        let name = weights.name ?? layer.name
        guard isTrained(name), pairs[ObjectIdentifier(weights)] == nil else { continue }
        try add(weights, name: name)
        if takesOver { weights.forgetSource() }
      } else if let factors = (layer.operation as? BatchNormalisation)?.factors {
        guard isTrained(factors.name), normalisations[ObjectIdentifier(factors)] == nil else {
          continue
        }
        try add(factors)
      }
    }
  }

  private func add(_ weights: LayerWeights, name: String) throws(ComputeError) {
    var unscaled: (values: MemoryBlock, outputScales: [Float])?
    if let scales = weights.outputScales, let source = weights.source {
      let block = try MemoryBlock(count: weights.shape.count * MemoryLayout<Float>.stride)
      // Safety: the block holds as many floats as the shape has.
      unsafe source.writeFloat32(
        into: UnsafeMutableBufferPointer(
          start: block.address.assumingMemoryBound(to: Float.self), count: weights.shape.count))
      unscaled = (block, scales)
    }
    let pair = Pair(
      weights: try Parameter(
        name: name + ".weight", shape: weights.shape, values: weights.copiedValues(name: name),
        unscaled: unscaled),
      biases: weights.hasOwnBiases
        ? try Parameter(
          name: name + ".bias", shape: [weights.biases.count],
          values: MemoryBlock(copying: weights.biases)) : nil)
    pairs[ObjectIdentifier(weights)] = pair
    parameters += [pair.weights] + (pair.biases.map { [$0] } ?? [])
  }

  private func add(_ factors: NormalisationFactors) throws(ComputeError) {
    func parameter(_ part: String, _ values: [Float]) throws(ComputeError) -> Parameter {
      try Parameter(
        name: factors.name + "." + part, shape: [values.count], values: MemoryBlock(copying: values)
      )
    }
    let normalisation = Normalisation(
      scale: try parameter("weight", factors.scale), bias: try parameter("bias", factors.bias),
      mean: try parameter("running_mean", factors.mean),
      variance: try parameter("running_var", factors.variance))
    normalisations[ObjectIdentifier(factors)] = normalisation
    parameters += [normalisation.scale, normalisation.bias]
    statistics += [normalisation.mean, normalisation.variance]
  }

  /// The parameter of a name.
  public subscript(name: String) -> Parameter? {
    (parameters + statistics).first { $0.name == name }
  }

  /// What a layer with these weights learns; `nil` where it does not.
  func pair(of weights: LayerWeights) -> Pair? { pairs[ObjectIdentifier(weights)] }

  /// What a normalisation with these factors learns; `nil` where it does not.
  func normalisation(of factors: NormalisationFactors) -> Normalisation? {
    normalisations[ObjectIdentifier(factors)]
  }

  /// Whether anything of an operation learns.
  func learns(_ operation: any Operation) -> Bool {
    if let weights = operation.weights { return pair(of: weights) != nil }
    guard let factors = (operation as? BatchNormalisation)?.factors else { return false }
    return normalisation(of: factors) != nil
  }

  /// Sets all gradients to zero.
  public func clearGradients() {
    for parameter in parameters { parameter.clearGradient() }
  }
}
