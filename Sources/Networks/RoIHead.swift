internal import Compute
internal import Tensors

/// What classifies pooled RoIs and refines their boxes (Girshick, arXiv:1504.08083, section 2).
///
/// Behind a VGG it is two (or any number of) fully connected layers with ReLU; behind a ResNet it is layer 4 and
/// a mean over the map. Two linear layers end both. L are the classes with background.
struct RoIHead {
  /// The fully connected layers with ReLU; none behind a ResNet.
  let hidden: [LayerWeights]
  let resNet: ResNet?
  /// 4L outputs: the offsets of each class in turn.
  let offsets: LayerWeights
  /// L outputs.
  let score: LayerWeights
  /// The side of a pooled RoI.
  let pooledSize: Int

  init(
    _ reader: ParameterReader, features: Int, resNet: ResNet?
  ) throws(ArchitectureError) {
    self.resNet = resNet
    var inputs = features
    var hidden: [LayerWeights] = []
    if let resNet {
      // Layer 4 halves the extents, and the families' mean is over 7x7.
      pooledSize = 14
      inputs = resNet.headChannels
    } else {
      let indices = reader.indices("head.classifier", rank: 2)
      guard let first = indices.first else {
        throw .missing(tensor: "head.classifier.0.weight", neededFor: "the RoI head")
      }
      let name = "head.classifier.\(first).weight"
      let weights = try reader.tensor(name, for: "the RoI head")
      // The rows hold C maps of P x P: P is read from their length.
      let cells = weights.shape[1] / features
      let side = Int(Double(cells).squareRoot().rounded())
      guard side > 0, side * side * features == weights.shape[1] else {
        throw .mismatch(
          tensor: name, found: weights.shape,
          wanted: "its rows must hold \(features) square maps, as 7x7x\(features) = "
            + "\(49 * features)")
      }
      pooledSize = side
      inputs = weights.shape[1]
      for index in indices {
        let layer = try reader.linear(
          "head.classifier.\(index)", inputs: inputs, for: "the RoI head")
        hidden.append(layer)
        inputs = layer.shape[0]
      }
    }
    self.hidden = hidden
    score = try reader.linear("head.score", inputs: inputs, for: "the class scores")
    guard score.shape[0] >= 2 else {
      throw .mismatch(
        tensor: "head.score.weight", found: score.shape,
        wanted: "it needs a row for background and at least one for a class")
    }
    offsets = try reader.linear(
      "head.cls_loc", inputs: inputs, outputs: 4 * score.shape[0],
      for: "the class boxes (four rows for each of head.score's \(score.shape[0]))")
  }

  var classCount: Int { score.shape[0] }

  /// From pooled RoIs to class offsets and class logits.
  func network(features: Int, settings: BackboneSettings) -> Network {
    var network = Network(inputChannels: features)
    var value = network.input
    if let resNet {
      resNet.appendHeadLayer(settings, to: &network, value: &value)
      value = network.globalAveragePooling(value, name: "mean")
    }
    for (number, layer) in hidden.enumerated() {
      // fc6 and fc7, as in VGG.
      value = network.linear(value, weights: layer, activation: .relu, name: "fc\(number + 6)")
    }
    let boxes = network.linear(value, weights: offsets, name: "class_offsets")
    let logits = network.linear(value, weights: score, name: "class_score")
    network.output(boxes, order: .channelsLast)
    network.output(logits, order: .channelsLast)
    return network
  }
}
