internal import Compute
internal import Tensors

/// Takes layers' weights out of a state dictionary and checks their shapes on the way.
///
/// K are a layer's output channels, C its input channels.
struct ParameterReader {
  let state: StateDictionary

  /// A tensor that has to be there.
  func tensor(_ name: String, for purpose: String) throws(ArchitectureError) -> StoredTensor {
    guard let tensor = state[name] else {
      throw .missing(tensor: name, neededFor: purpose)
    }
    return tensor
  }

  /// `name.weight` as (K, C, k, k) with `name.bias`, if there is one, as K values.
  func convolution(
    _ name: String, inputs: Int, size: Int? = nil, for purpose: String
  ) throws(ArchitectureError) -> LayerWeights {
    let weights = try convolutionWeights(name + ".weight", inputs: inputs, size: size, for: purpose)
    return LayerWeights(weights, biases: try biases(name, outputs: weights.shape[0]))
  }

  /// A convolution without bias, with the batch normalisation behind it folded in.
  ///
  /// y = (Wx - mean) / sqrt(variance + epsilon) * gamma + beta is a convolution with weights
  /// W * gamma / sqrt(variance + epsilon) for each output channel, and a bias.
  ///
  /// The epsilon is not in checkpoints; 1e-5 is PyTorch's default and what all C4 families use.
  func normalisedConvolution(
    _ name: String, normalisation: String, inputs: Int, size: Int, for purpose: String
  ) throws(ArchitectureError) -> LayerWeights {
    let weights = try convolutionWeights(name + ".weight", inputs: inputs, size: size, for: purpose)
    let outputs = weights.shape[0]
    func vector(_ part: String) throws(ArchitectureError) -> [Float] {
      try values(normalisation + "." + part, count: outputs, for: purpose)
    }
    let (gamma, beta) = (try vector("weight"), try vector("bias"))
    let (mean, variance) = (try vector("running_mean"), try vector("running_var"))
    let epsilon = 1e-5
    var scales: [Float] = []
    var biases: [Float] = []
    for channel in 0..<outputs {
      // In double precision: the folded network is then closer to the exact one than the original.
      let scale = Double(gamma[channel]) / (Double(variance[channel]) + epsilon).squareRoot()
      scales.append(Float(scale))
      biases.append(Float(Double(beta[channel]) - Double(mean[channel]) * scale))
    }
    return LayerWeights(weights, biases: biases, outputScales: scales)
  }

  /// `name.weight` as (K, inputs) with `name.bias`.
  func linear(
    _ name: String, inputs: Int, outputs: Int? = nil, for purpose: String
  ) throws(ArchitectureError) -> LayerWeights {
    let weights = try tensor(name + ".weight", for: purpose)
    let shape = weights.shape
    guard shape.rank == 2, shape[0] > 0, shape[1] == inputs, outputs.map({ $0 == shape[0] }) ?? true
    else {
      throw .mismatch(
        tensor: name + ".weight", found: shape,
        wanted: "\(purpose) needs \(outputs.map(String.init) ?? "any")x\(inputs)")
    }
    return LayerWeights(weights, biases: try biases(name, outputs: shape[0]))
  }

  /// The integers N for which `prefix.N.weight`, or `prefix.N.part.weight`, is a tensor of some rank,
  /// ascending.
  func indices(_ prefix: String, part: String? = nil, rank: Int) -> [Int] {
    let suffix = (part.map { "." + $0 } ?? "") + ".weight"
    return state.names.compactMap { name -> Int? in
      guard name.hasPrefix(prefix + "."), name.hasSuffix(suffix), state[name]?.shape.rank == rank
      else { return nil }
      return Int(name.dropFirst(prefix.count + 1).dropLast(suffix.count))
    }.sorted()
  }

  private func convolutionWeights(
    _ name: String, inputs: Int, size: Int?, for purpose: String
  ) throws(ArchitectureError) -> StoredTensor {
    let weights = try tensor(name, for: purpose)
    let shape = weights.shape
    guard shape.rank == 4, shape[0] > 0, shape[1] == inputs, shape[2] == shape[3], shape[2] > 0,
      size.map({ $0 == shape[2] }) ?? true
    else {
      let side = size.map(String.init) ?? "k"
      throw .mismatch(
        tensor: name, found: shape, wanted: "\(purpose) needs any x\(inputs)x\(side)x\(side)")
    }
    return weights
  }

  private func biases(_ name: String, outputs: Int) throws(ArchitectureError) -> [Float]? {
    guard state[name + ".bias"] != nil else { return nil }
    return try values(name + ".bias", count: outputs, for: "the layer \(name)")
  }

  private func values(
    _ name: String, count: Int, for purpose: String
  ) throws(ArchitectureError) -> [Float] {
    let tensor = try tensor(name, for: purpose)
    guard tensor.shape == [count] else {
      throw .mismatch(tensor: name, found: tensor.shape, wanted: "\(purpose) needs \(count)")
    }
    return tensor.float32Values()
  }
}
