internal import Compute
internal import Tensors

/// A convolution as a checkpoint has it: weights with biases, or with a normalisation of their outputs.
struct ConvolutionLayer {
  /// Normalisation that cannot be folded, because it looks at the map.
  struct GroupNormalisation {
    var count: Int
    var epsilon: Float
    var scale: [Float]
    var bias: [Float]
  }

  /// The canonical name of the layer, and of its weights without `.weight`.
  var name: String
  var weights: LayerWeights
  var groups = 1
  var groupNormalisation: GroupNormalisation?
  /// A batch normalisation that learns, and so is not folded into the weights.
  var batchNormalisation: NormalisationFactors?

  /// K.
  var outputs: Int { weights.shape[0] }

  /// Whether nothing comes between the convolution and its activation.
  var isPlain: Bool { groupNormalisation == nil && batchNormalisation == nil }

  /// The side of the window.
  var size: Int { weights.shape[2] }

  /// Adds the layer to a network, with as much padding as keeps the extents at a stride of 1.
  ///
  /// - Parameters:
  ///   - network: where.
  ///   - input: what it is applied to.
  ///   - stride: the cells from one window to the next.
  ///   - dilation: the cells from one cell of the window to the next.
  ///   - activation: what follows, behind the sum if there is one.
  ///   - addend: what is added to the outputs.
  ///   - name: the layer's name where its own is taken, because its weights are used more than once.
  /// - Returns: what comes out.
  func append(
    to network: inout Network, _ input: Network.Value, stride: Int = 1, dilation: Int = 1,
    activation: Network.Activation = .none, adding addend: Network.Value? = nil,
    name: String? = nil
  ) -> Network.Value {
    let name = name ?? self.name
    let window = Network.Window(
      size: size, stride: stride, padding: dilation * (size / 2), dilation: dilation)
    if let batchNormalisation {
      let value = network.convolution(
        input, weights: weights, window: window, groups: groups, name: name)
      let normalised = network.batchNormalisation(
        value, factors: batchNormalisation, activation: addend == nil ? activation : .none,
        name: name + ".norm")
      guard let addend else { return normalised }
      return network.add(normalised, addend, activation: activation, name: name + ".sum")
    }
    guard let groupNormalisation else {
      return network.convolution(
        input, weights: weights, window: window, groups: groups, activation: activation,
        adding: addend, name: name)
    }
    let value = network.convolution(
      input, weights: weights, window: window, groups: groups, name: name)
    let normalised = network.groupNormalisation(
      value, groups: groupNormalisation.count, scale: groupNormalisation.scale,
      bias: groupNormalisation.bias, epsilon: groupNormalisation.epsilon,
      activation: addend == nil ? activation : .none, name: name + ".norm")
    guard let addend else { return normalised }
    return network.add(normalised, addend, activation: activation, name: name + ".sum")
  }
}
