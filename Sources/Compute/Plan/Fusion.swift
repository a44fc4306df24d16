/// Merges layers that one kernel computes together.
///
/// - An enlargement that only a sum reads becomes a part of the sum.
/// - A convolution that only a sum reads is computed in the sum's place, and adds the other value itself.
/// - An activation that alone reads a layer without one becomes that layer's.
///
/// A layer that stands for two keeps the name and the range of the one that multiplies.
struct Fusion {
  /// The network after merging, with the same inputs, outputs and results.
  let network: Network

  init(_ network: Network) {
    var graph = Graph(network)
    for index in network.layers.indices {
      graph.mergeEnlargement(intoSum: index)
      graph.mergeConvolution(intoSum: index)
      graph.mergeActivation(index)
    }
    self.network = graph.rebuilt
  }

  /// The layers at their first places, those that have been merged into others being `nil`.
  private struct Graph {
    let original: Network
    var layers: [Network.Layer?]
    var outputs: [Network.Value]

    init(_ network: Network) {
      original = network
      layers = network.layers
      outputs = network.outputs.map(\.value)
    }

    /// The layer that makes a value, if nothing else than the layer `reader` reads it.
    func maker(of value: Network.Value, readOnlyBy reader: Int) -> (
      index: Int, layer: Network.Layer
    )? {
      guard let index = original.maker(of: value), let layer = layers[index],
        !outputs.contains(value)
      else { return nil }
      let count = layers.reduce(0) { sum, layer in
        sum + (layer?.operation.inputs.count { $0 == value } ?? 0)
      }
      guard count == 1, layers[reader]?.operation.inputs.contains(value) == true else { return nil }
      return (index, layer)
    }

    mutating func mergeEnlargement(intoSum index: Int) {
      guard var sum = layers[index]?.operation as? Sum, !sum.enlargesSecond else { return }
      for (position, value) in sum.inputs.enumerated() {
        let other = sum.inputs[1 - position]
        guard let maker = maker(of: value, readOnlyBy: index),
          let enlargement = maker.layer.operation as? UpsampleNearest,
          enlargement.inputs[1] == other
        else { continue }
        sum.inputs = [other, enlargement.inputs[0]]
        sum.enlargesSecond = true
        layers[index]?.operation = sum
        layers[maker.index] = nil
        return
      }
    }

    mutating func mergeConvolution(intoSum index: Int) {
      guard let sum = layers[index]?.operation as? Sum, !sum.enlargesSecond else { return }
      // The later one of two convolutions: the other's result is there when it is computed.
      let makers = sum.inputs.compactMap { maker(of: $0, readOnlyBy: index) }
        .filter { ($0.layer.operation as? Convolution).map { $0.takesAddend } ?? false }
      guard let maker = makers.max(by: { $0.index < $1.index }),
        var convolution = maker.layer.operation as? Convolution
      else { return }
      let result = original.result(ofLayer: maker.index)
      convolution.addend = sum.inputs[0] == result ? sum.inputs[1] : sum.inputs[0]
      convolution.activation = sum.activation
      var layer = maker.layer
      layer.operation = convolution
      layers[index] = layer
      layers[maker.index] = nil
    }

    mutating func mergeActivation(_ index: Int) {
      guard let elementwise = layers[index]?.operation as? Elementwise,
        let maker = maker(of: elementwise.inputs[0], readOnlyBy: index),
        maker.layer.operation.activation == Network.Activation.none
      else { return }
      layers[maker.index]?.operation.activation = elementwise.function
      layers[index] = nil
      replace(original.result(ofLayer: index), by: original.result(ofLayer: maker.index))
    }

    private mutating func replace(_ value: Network.Value, by other: Network.Value) {
      for index in layers.indices {
        guard var operation = layers[index]?.operation, operation.inputs.contains(value) else {
          continue
        }
        operation.inputs = operation.inputs.map { $0 == value ? other : $0 }
        layers[index]?.operation = operation
      }
      outputs = outputs.map { $0 == value ? other : $0 }
    }

    /// A network of the layers that are left.
    var rebuilt: Network {
      var network = Network(inputs: original.inputChannels)
      var values = Dictionary(uniqueKeysWithValues: original.inputs.map { ($0, $0) })
      for (index, layer) in layers.enumerated() {
        guard var layer else { continue }
        layer.operation.inputs = layer.operation.inputs.map { values[$0] ?? $0 }
        let result = original.result(ofLayer: index)
        values[result] = network.append(layer, channels: original.channelCount(result))
      }
      for (value, output) in zip(outputs, original.outputs) {
        network.output(values[value] ?? value, order: output.order)
      }
      return network
    }
  }
}
