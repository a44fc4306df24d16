internal import FasterRCNN
internal import Images

/// What was found in one picture or feature map.
struct Finding: Sendable {
  enum Source: Sendable {
    case picture(DecodedImage)
    case pixels(Image)
    case features(FeatureMap)
  }

  var source: Source
  var result: DetectionResult

  /// How long it took, decoding included.
  var timings: Timeline
}
