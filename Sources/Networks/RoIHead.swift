internal import Compute
internal import Tensors

/// What classifies pooled RoIs and refines their boxes (Girshick, arXiv:1504.08083, section 2).
///
/// Behind a VGG it is two (or any number of) fully connected layers with ReLU; behind a ResNet it is layer 4 and
/// a mean over the map. Two linear layers end both. L are the classes with background.
struct RoIHead {
  /// The fully connected layers with ReLU; none behind a ResNet.
  ///
  /// Each is one matrix, or two that are multiplied (Fast R-CNN, section 3.1).
  let hidden: [[LayerWeights]]
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
    var hidden: [[LayerWeights]] = []
    if let resNet {
      // Layer 4 halves the extents, and the families' mean is over 7x7.
      pooledSize = 14
      inputs = resNet.headChannels
    } else {
      let layers = Self.hiddenLayers(reader)
      guard let first = layers.first?.first else {
        throw .missing(tensor: "head.classifier.0.weight", neededFor: "the RoI head")
      }
      let name = first + ".weight"
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
      for names in layers {
        var factors: [LayerWeights] = []
        for name in names {
          let factor = try reader.linear(name, inputs: inputs, for: "the RoI head")
          factors.append(factor)
          inputs = factor.shape[0]
        }
        hidden.append(factors)
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

  /// The names of the hidden layers' matrices, those of one layer together: `head.classifier.N`, or
  /// `head.classifier.N.0` and `.1` where N is a product of two.
  static func hiddenLayers(_ reader: ParameterReader) -> [[String]] {
    let prefix = "head.classifier"
    let whole = reader.indices(prefix, rank: 2)
    let factored = reader.indices(prefix, part: "0", rank: 2).filter { !whole.contains($0) }
    return (whole + factored).sorted().map { index in
      let name = "\(prefix).\(index)"
      return whole.contains(index) ? [name] : [name + ".0", name + ".1"]
    }
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
    for (number, factors) in hidden.enumerated() {
      // fc6 and fc7, as in VGG.
      let name = "fc\(number + 6)"
      for (part, factor) in factors.enumerated() {
        let isLast = part == factors.count - 1
        value = network.linear(
          value, weights: factor, activation: isLast ? .relu : .none,
          name: factors.count == 1 ? name : "\(name)_\(part)")
      }
    }
    let boxes = network.linear(value, weights: offsets, name: "class_offsets")
    let logits = network.linear(value, weights: score, name: "class_score")
    network.output(boxes, order: .channelsLast)
    network.output(logits, order: .channelsLast)
    return network
  }
}
