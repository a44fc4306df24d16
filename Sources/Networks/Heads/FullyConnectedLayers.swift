internal import Compute
internal import Tensors

/// The fully connected layers with ReLU of a RoI head: `head.fc.N` in the order of N.
///
/// Each is one matrix, or two that are multiplied, `head.fc.N.0` and `head.fc.N.1` (Girshick,
/// arXiv:1504.08083, section 3.1).
struct FullyConnectedLayers {
  private static let prefix = "head.fc"

  /// The matrices of a layer, in the order in which they are applied.
  private let layers: [[(name: String, weights: LayerWeights)]]

  /// The side of the map that the first layer reads; 1 where there is none.
  let mapSide: Int

  /// Reads the layers.
  ///
  /// - Parameters:
  ///   - reader: the checkpoint.
  ///   - channels: those of the map that the first layer reads.
  ///   - cells: the cells of that map; where they are `nil`, a layer must be there and tells them.
  /// - Throws: `ArchitectureError` where a tensor is missing or does not fit.
  init(
    _ reader: ParameterReader, channels: Int, cells: Int?
  ) throws(ArchitectureError) {
    let purpose = "the RoI head"
    let names = Self.matrices(reader.state)
    guard let first = names.first?.first else {
      guard cells != nil else {
        throw .missing(tensor: Self.prefix + ".0.weight", neededFor: purpose)
      }
      (layers, mapSide) = ([], 1)
      return
    }
    let weights = try reader.tensor(first + ".weight", for: purpose)
    // The rows hold C maps of P x P: P is read from their length.
    let length = weights.shape.rank == 2 ? weights.shape[1] : 0
    let side = Int(Double(length / channels).squareRoot().rounded())
    guard side > 0, side * side * channels == length, cells.map({ $0 == side * side }) ?? true
    else {
      throw .mismatch(
        tensor: first + ".weight", found: weights.shape,
        wanted: cells.map { "its rows must hold \($0 * channels) values" }
          ?? "its rows must hold \(channels) square maps, as 7x7x\(channels) = \(49 * channels)")
    }
    mapSide = side
    var inputs = length
    var layers: [[(name: String, weights: LayerWeights)]] = []
    for matrices in names {
      var layer: [(name: String, weights: LayerWeights)] = []
      for (part, name) in matrices.enumerated() {
        let matrix = try reader.linear(
          name, inputs: inputs, hasBiases: part == matrices.count - 1, for: purpose)
        layer.append((name, matrix))
        inputs = matrix.shape[0]
      }
      layers.append(layer)
    }
    self.layers = layers
  }

  /// The names of the layers' matrices, those of one layer together.
  ///
  /// A layer counts as soon as any tensor of it is there, so that one that is not is missed.
  static func matrices(_ state: StateDictionary) -> [[String]] {
    let names = TensorNames(state)
    return names.indices(below: prefix).map { index in
      let name = "\(prefix).\(index)"
      return names.indices(below: name).isEmpty ? [name] : [name + ".0", name + ".1"]
    }
  }

  /// The outputs of the last layer; `nil` where there is none.
  var outputs: Int? { layers.last?.last?.weights.shape[0] }

  func append(to network: inout Network, _ input: Network.Value) -> Network.Value {
    var value = input
    for layer in layers {
      for (part, matrix) in layer.enumerated() {
        let isLast = part == layer.count - 1
        value = network.linear(
          value, weights: matrix.weights, activation: isLast ? .relu : .none, name: matrix.name)
      }
    }
    return value
  }
}
