internal import Compute
internal import Tensors

/// A feature pyramid (Lin et al., arXiv:1612.03144, section 3): lateral 1x1 convolutions bring the
/// backbone's maps to one width, each is added to the coarser one enlarged, and 3x3 convolutions smooth
/// the sums.
///
/// The enlarged map takes the finer one's extents, each cell that of the nearest. Where extents are
/// padded to multiples of the coarsest stride that is the doubling of other families.
struct FeaturePyramid {
  /// From the finest to the coarsest, one for each of the backbone's last maps.
  let laterals: [ConvolutionLayer]
  let outputs: [ConvolutionLayer]
  let hasExtraLevel: Bool
  private let maps: [BackboneMap]

  /// Reads the pyramid over the last of a backbone's maps.
  init(
    _ reader: ParameterReader, maps: [BackboneMap], hasExtraLevel: Bool
  ) throws(ArchitectureError) {
    self.hasExtraLevel = hasExtraLevel
    let purpose = "the feature pyramid"
    let count = try reader.names.count(below: "neck.lateral", first: "", for: purpose)
    guard count > 0 else { throw .missing(tensor: "neck.lateral.0.weight", neededFor: purpose) }
    guard count <= maps.count else {
      throw .unrecognised(
        reason: "the feature pyramid has \(count) lateral convolutions, neck.lateral.0 to "
          + "\(count - 1), but the backbone has \(maps.count) maps")
    }
    self.maps = maps.suffix(count)
    var laterals: [ConvolutionLayer] = []
    var outputs: [ConvolutionLayer] = []
    for (index, map) in self.maps.enumerated() {
      let lateral = try reader.convolution(
        "neck.lateral.\(index)", inputs: map.channels, size: 1,
        for: "\(purpose) on \(map.tensor)")
      let output = try reader.convolution(
        "neck.output.\(index)", inputs: lateral.outputs, size: 3, for: purpose)
      for (layer, first) in [(lateral, laterals.first), (output, outputs.first)] {
        guard let first, first.outputs != layer.outputs else { continue }
        throw .mismatch(
          tensor: layer.name + ".weight", found: layer.weights.shape,
          wanted: "\(first.name).weight makes \(first.outputs) channels, and so must all levels")
      }
      laterals.append(lateral)
      outputs.append(output)
    }
    self.laterals = laterals
    self.outputs = outputs
  }

  /// The levels, from the finest to the coarsest.
  var levels: [FeatureLevel] {
    var strides = maps.map(\.stride)
    if hasExtraLevel, let last = strides.last { strides.append(2 * last) }
    // p3 has a stride of 2^3; where two maps have one stride, levels are counted instead.
    let isEachOnce = Set(strides).count == strides.count
    return strides.enumerated().map { index, stride in
      FeatureLevel(
        name: isEachOnce ? "p\(stride.trailingZeroBitCount)" : "p\(index)", stride: stride,
        channels: outputs[0].outputs)
    }
  }

  /// Adds the pyramid to a network.
  ///
  /// - Parameters:
  ///   - network: where.
  ///   - maps: all that the backbone makes.
  /// - Returns: a value for each of `levels`.
  func append(to network: inout Network, _ maps: [Network.Value]) -> [Network.Value] {
    let maps = maps.suffix(laterals.count)
    var levels: [Network.Value] = []
    var coarser: Network.Value?
    for (index, map) in zip(laterals.indices, maps).reversed() {
      let name = laterals[index].name
      let enlarged = coarser.map {
        network.upsampleNearest($0, toSizeOf: map, name: name + ".enlarged")
      }
      let sum = laterals[index].append(to: &network, map, adding: enlarged)
      levels.insert(outputs[index].append(to: &network, sum), at: 0)
      coarser = sum
    }
    if hasExtraLevel, let last = levels.last {
      levels.append(
        network.maxPooling(last, window: .init(size: 1, stride: 2), name: "neck.extra"))
    }
    return levels
  }
}
