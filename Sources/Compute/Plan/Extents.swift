internal import Tensors

/// The extents of every value of a network, for one size of its inputs.
struct Extents: Sendable {
  private var extents: [[Int]]

  /// Follows the shape rules from the inputs on.
  ///
  /// - Throws: `ComputeError` with the name of the layer that does not fit its input.
  init(_ network: Network, inputs: [Shape]) throws(ComputeError) {
    extents = inputs.map(\.dimensions)
    for layer in network.layers {
      let sources = layer.operation.inputs.map { self[$0] }
      extents.append(try layer.operation.extents(of: sources, name: layer.name))
    }
  }

  /// N, C, H, W, or N, C.
  subscript(value: Network.Value) -> [Int] { extents[value.index] }
}
