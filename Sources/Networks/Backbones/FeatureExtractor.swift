internal import Compute

/// What makes feature maps of a picture (N, 3, H, W), resized and normalised.
protocol FeatureExtractor {
  /// What it is, in words.
  var description: String { get }

  /// The maps that it can hand out, from the finest to the coarsest.
  var maps: [BackboneMap] { get }

  /// Adds its layers to a network.
  ///
  /// - Parameters:
  ///   - network: where.
  ///   - picture: the network's input.
  /// - Returns: a value for each of `maps`.
  func append(to network: inout Network, _ picture: Network.Value) -> [Network.Value]
}

/// A map that a backbone hands out.
struct BackboneMap: Equatable {
  /// The pixels of the network's input from one cell to the next.
  var stride: Int
  var channels: Int
  /// The weights that make it, for errors.
  var tensor: String
}

extension Architecture {
  /// Reads the backbone.
  func readBackbone(_ reader: ParameterReader) throws(ArchitectureError) -> any FeatureExtractor {
    switch backbone {
    case .vgg(let poolingRoundsUp, let poolsAtEnd):
      try VGG(reader, poolingRoundsUp: poolingRoundsUp, poolsAtEnd: poolsAtEnd)
    case .zeilerFergus: try ZeilerFergus(reader)
    case .resNet(let stride, let padding, let dilatesLastStage):
      try ResNet(
        reader, residualStride: stride, stemPoolingPadding: padding,
        dilatesLastStage: dilatesLastStage)
    case .mobileNetV2: try MobileNetV2(reader)
    case .mobileNetV3Large: try MobileNetV3(reader)
    }
  }
}
