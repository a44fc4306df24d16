/// A network in two parts: what stays as it is, and what something below learns.
public struct DividedNetwork: Sendable {
  /// What no gradient passes, or `nil` where everything learns.
  ///
  /// Its outputs are the inputs of `learning`.
  public let frozen: Network?

  /// What reads the frozen part, with the whole network's outputs in their order, or `nil` where nothing
  /// learns.
  public let learning: Network?

  /// For each input of `learning` where it comes from.
  public let sources: [Source]

  /// Where an input of the learning part comes from.
  public enum Source: Sendable, Hashable {
    /// The whole network's input.
    case input(Int)
    /// An output of the frozen part.
    case frozen(Int)
  }
}

extension Network {
  /// Divides the network, so that the layers that do not learn, and have no layer below that does, can be
  /// computed as fast as for inference.
  ///
  /// - Parameter isTrained: whether a layer learns, by the name of its weights.
  /// - Returns: both parts.
  public func divided(where isTrained: (String) -> Bool) -> DividedNetwork {
    var learns = [Bool](repeating: false, count: inputChannels.count)
    for layer in layers {
      var isLearning = layer.operation.inputs.contains { learns[$0.index] }
      if let weights = layer.operation.weights {
        isLearning = isLearning || isTrained(weights.name ?? layer.name)
      } else if let factors = (layer.operation as? BatchNormalisation)?.factors {
        isLearning = isLearning || isTrained(factors.name)
      }
      learns.append(isLearning)
    }
    guard learns.contains(true) else {
      return DividedNetwork(frozen: self, learning: nil, sources: [])
    }
    // What stays is read by what learns, or handed out: those values cross.
    var crossing: [Value] = []
    func cross(_ value: Value) {
      if !learns[value.index], !crossing.contains(value) { crossing.append(value) }
    }
    for (index, layer) in layers.enumerated() where learns[result(ofLayer: index).index] {
      for input in layer.operation.inputs { cross(input) }
    }
    for output in outputs { cross(output.value) }

    var frozen = Network(inputs: inputChannels)
    var places = Dictionary(uniqueKeysWithValues: inputs.map { ($0, $0) })
    for (index, layer) in layers.enumerated() where !learns[result(ofLayer: index).index] {
      frozen.take(layer, self, result(ofLayer: index), &places)
    }
    var sources: [DividedNetwork.Source] = []
    for value in crossing {
      if maker(of: value) == nil {
        sources.append(.input(value.index))
      } else {
        sources.append(.frozen(frozen.outputs.count))
        frozen.output(places[value] ?? value)
      }
    }
    var learning = Network(inputs: crossing.map { channelCount($0) })
    places = Dictionary(uniqueKeysWithValues: zip(crossing, learning.inputs))
    for (index, layer) in layers.enumerated() where learns[result(ofLayer: index).index] {
      learning.take(layer, self, result(ofLayer: index), &places)
    }
    for output in outputs {
      learning.output(places[output.value] ?? output.value, order: output.order)
    }
    return DividedNetwork(
      frozen: frozen.outputs.isEmpty ? nil : frozen, learning: learning, sources: sources)
  }

  /// Appends a layer of another network, whose values have other numbers here.
  private mutating func take(
    _ layer: Layer, _ other: Network, _ result: Value, _ places: inout [Value: Value]
  ) {
    var layer = layer
    layer.operation.inputs = layer.operation.inputs.map { places[$0] ?? $0 }
    places[result] = append(layer, channels: other.channelCount(result))
  }
}
