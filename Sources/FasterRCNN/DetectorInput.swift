public import Images

/// What a detector works on: a picture, or the feature map that a backbone made of one.
public enum DetectorInput: Sendable {
  /// A picture as it was decoded, orientation applied; the detector resizes and normalises it.
  case image(Image)

  /// A feature map and the picture it stands for: the backbone is left out.
  case features(FeatureMap)
}
