internal import Tensors

/// The parameters of a network by name: weights and biases of the layers that are to learn.
///
/// Layers that share their weights share parameters, named after the first of them: what one network's
/// plans learn, the plans of all others use that the store was made for.
public final class ParameterStore {
  /// What a layer learns.
  struct Pair {
    let weights: Parameter
    let biases: Parameter
  }

  /// All parameters, in the networks' order.
  public private(set) var parameters: [Parameter] = []

  private var pairs: [ObjectIdentifier: Pair] = [:]

  /// Reads the weights of layers out of the networks.
  ///
  /// - Parameters:
  ///   - networks: what is to learn.
  ///   - isTrained: whether a layer learns, by its name.
  /// - Throws: `ComputeError` where the system has no memory for them.
  public init(
    _ networks: [Network], where isTrained: (String) -> Bool = { _ in true }
  ) throws(ComputeError) {
    for layer in networks.flatMap(\.layers) where isTrained(layer.name) {
      guard let weights = layer.operation.weights, pairs[ObjectIdentifier(weights)] == nil else {
        continue
      }
      let pair = Pair(
        weights: try Parameter(
          name: layer.name + ".weight", shape: weights.shape,
          values: weights.copiedValues(name: layer.name)),
        biases: try Parameter(
          name: layer.name + ".bias", shape: [weights.biases.count],
          values: MemoryBlock(copying: weights.biases)))
      pairs[ObjectIdentifier(weights)] = pair
      parameters += [pair.weights, pair.biases]
    }
  }

  /// The parameter of a name.
  public subscript(name: String) -> Parameter? { parameters.first { $0.name == name } }

  /// What a layer with these weights learns; `nil` where it does not.
  func pair(of weights: LayerWeights) -> Pair? { pairs[ObjectIdentifier(weights)] }

  /// Sets all gradients to zero.
  public func clearGradients() {
    for parameter in parameters { parameter.clearGradient() }
  }
}
