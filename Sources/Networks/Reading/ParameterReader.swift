internal import Compute
internal import Tensors

/// Takes layers' weights out of a state dictionary and checks their shapes on the way.
///
/// Nothing is filled in: a layer has its normalisation, or else its biases, or it is an error. K are a
/// layer's output channels, C its input channels.
final class ParameterReader {
  let state: StateDictionary
  let names: TensorNames
  private let normalisation: Architecture.Normalisation
  private let learnsNormalisation: (String) -> Bool
  private var usedNames: Set<String> = []

  /// Reads a state dictionary.
  ///
  /// - Parameters:
  ///   - state: the tensors under canonical names.
  ///   - normalisation: how the layers that are normalised are.
  ///   - learnsNormalisation: whether a batch normalisation learns, by its tensors' name; it is then a
  ///     layer of its own.
  init(
    _ state: StateDictionary, normalisation: Architecture.Normalisation,
    learnsNormalisation: @escaping (String) -> Bool = { _ in false }
  ) {
    self.state = state
    self.normalisation = normalisation
    self.learnsNormalisation = learnsNormalisation
    names = TensorNames(state)
  }

  /// The names of the tensors that nothing has asked for, in the order of the file.
  var unusedNames: [String] { state.names.filter { !usedNames.contains($0) } }

  /// A tensor that has to be there.
  func tensor(_ name: String, for purpose: String) throws(ArchitectureError) -> StoredTensor {
    guard let tensor = state[name] else {
      throw .missing(tensor: name, neededFor: purpose)
    }
    usedNames.insert(name)
    return tensor
  }

  /// A convolution with its normalisation or its biases.
  ///
  /// The weights are `name.weight` as (K, C / groups, k, k). Where there is `name.norm.weight` and its
  /// kin, or tensors of the same kind under `normalisation`, they normalise the outputs, and biases may be
  /// left out; else `name.bias` must be there.
  ///
  /// - Parameters:
  ///   - name: the layer.
  ///   - inputs: C.
  ///   - size: k; any where it is left out.
  ///   - isDepthwise: whether each channel has weights of its own.
  ///   - allowsGroups: whether weights for a part of the inputs mean so many groups.
  ///   - normalisationName: where the normalisation's tensors are, if not at `name.norm`.
  ///   - purpose: what needs the layer, for errors.
  /// - Returns: the layer, its weights still in the file.
  /// - Throws: `ArchitectureError` where a tensor is missing or does not fit.
  func convolution(
    _ name: String, inputs: Int, size: Int? = nil, isDepthwise: Bool = false,
    allowsGroups: Bool = false, normalisationName: String? = nil, for purpose: String
  ) throws(ArchitectureError) -> ConvolutionLayer {
    let weightName = name + ".weight"
    let weights = try tensor(weightName, for: purpose)
    let shape = weights.shape
    let isSquare = shape.rank == 4 && shape[0] > 0 && shape[2] == shape[3] && shape[2] > 0
    var groups = 1
    if isDepthwise {
      groups = inputs
    } else if allowsGroups, isSquare, shape[1] > 0, inputs.isMultiple(of: shape[1]) {
      groups = inputs / shape[1]
    }
    guard isSquare, shape[1] * groups == inputs, shape[0].isMultiple(of: groups),
      size.map({ $0 == shape[2] }) ?? true
    else {
      let side = size.map(String.init) ?? "k"
      let wanted =
        isDepthwise
        ? "\(purpose) needs \(inputs)x1x\(side)x\(side), each channel for itself"
        : "\(purpose) needs any x\(inputs)x\(side)x\(side)"
      throw .mismatch(tensor: weightName, found: shape, wanted: wanted)
    }
    let outputs = shape[0]
    let norm = normalisationName ?? name + ".norm"
    guard names.hasTensors(below: norm) else {
      let biases = try values(name + ".bias", count: outputs, for: purpose)
      return ConvolutionLayer(
        name: name, weights: LayerWeights(weights, biases: biases, name: name), groups: groups)
    }
    let biases =
      state[name + ".bias"] == nil
      ? nil : try values(name + ".bias", count: outputs, for: purpose)
    switch normalisation {
    case .batch(let epsilon) where learnsNormalisation(norm):
      let factors = NormalisationFactors(
        name: norm, scale: try values(norm + ".weight", count: outputs, for: purpose),
        bias: try values(norm + ".bias", count: outputs, for: purpose),
        mean: try values(norm + ".running_mean", count: outputs, for: purpose),
        variance: try values(norm + ".running_var", count: outputs, for: purpose),
        epsilon: epsilon)
      return ConvolutionLayer(
        name: name, weights: LayerWeights(weights, biases: biases, name: name), groups: groups,
        batchNormalisation: factors)
    case .batch(let epsilon):
      let folded = try foldedStatistics(
        norm, count: outputs, epsilon: epsilon, biases: biases, for: purpose)
      return ConvolutionLayer(
        name: name,
        weights: LayerWeights(
          weights, biases: folded.biases, outputScales: folded.scales, name: name),
        groups: groups)
    case .group(let count, let epsilon):
      guard count > 0, outputs.isMultiple(of: count) else {
        throw .mismatch(
          tensor: weightName, found: shape,
          wanted: "\(outputs) channels are no \(count) groups of equal size")
      }
      let statistics = ConvolutionLayer.GroupNormalisation(
        count: count, epsilon: epsilon,
        scale: try values(norm + ".weight", count: outputs, for: purpose),
        bias: try values(norm + ".bias", count: outputs, for: purpose))
      return ConvolutionLayer(
        name: name, weights: LayerWeights(weights, biases: biases, name: name), groups: groups,
        groupNormalisation: statistics)
    }
  }

  /// Batch normalisation as factors and biases of the convolution before it.
  ///
  /// y = (Wx + b - mean) / sqrt(variance + epsilon) * gamma + beta is a convolution with weights
  /// W * gamma / sqrt(variance + epsilon) for each output channel, and a bias.
  private func foldedStatistics(
    _ name: String, count: Int, epsilon: Double, biases: [Float]?, for purpose: String
  ) throws(ArchitectureError) -> (scales: [Float], biases: [Float]) {
    func vector(_ part: String) throws(ArchitectureError) -> [Float] {
      try values(name + "." + part, count: count, for: purpose)
    }
    let (gamma, beta) = (try vector("weight"), try vector("bias"))
    let (mean, variance) = (try vector("running_mean"), try vector("running_var"))
    var scales: [Float] = []
    var shifts: [Float] = []
    for channel in 0..<count {
      let square = Double(variance[channel]) + epsilon
      guard variance[channel] >= 0, square > 0 else {
        throw .unusable(
          tensor: name + ".running_var",
          reason: "holds \(variance[channel]) for channel \(channel), which with an epsilon of "
            + "\(epsilon) has no root to divide by; set another epsilon of batch normalisation")
      }
      // In double precision: the folded network is then closer to the exact one than the original.
      let scale = Double(gamma[channel]) / square.squareRoot()
      scales.append(Float(scale))
      let offset = Double(mean[channel]) - Double(biases?[channel] ?? 0)
      shifts.append(Float(Double(beta[channel]) - offset * scale))
    }
    return (scales, shifts)
  }

  /// `name.weight` as (K, inputs) with `name.bias`, or without, as the first of two factors is.
  func linear(
    _ name: String, inputs: Int, outputs: Int? = nil, hasBiases: Bool = true, for purpose: String
  ) throws(ArchitectureError) -> LayerWeights {
    let weights = try tensor(name + ".weight", for: purpose)
    let shape = weights.shape
    guard shape.rank == 2, shape[0] > 0, shape[1] == inputs, outputs.map({ $0 == shape[0] }) ?? true
    else {
      throw .mismatch(
        tensor: name + ".weight", found: shape,
        wanted: "\(purpose) needs \(outputs.map(String.init) ?? "any")x\(inputs)")
    }
    let biases = hasBiases ? try values(name + ".bias", count: shape[0], for: purpose) : nil
    return LayerWeights(weights, biases: biases, name: name)
  }

  private func values(
    _ name: String, count: Int, for purpose: String
  ) throws(ArchitectureError) -> [Float] {
    let tensor = try tensor(name, for: purpose)
    guard tensor.shape == [count] else {
      throw .mismatch(tensor: name, found: tensor.shape, wanted: "\(purpose) needs \(count)")
    }
    let values = tensor.float32Values()
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw .unusable(
        tensor: name,
        reason: "holds \(values[index]) for channel \(index), which is no number to "
          + "compute with; the training has diverged, or the file is damaged")
    }
    return values
  }
}
