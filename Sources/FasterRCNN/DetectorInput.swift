public import Images
public import Tensors

/// What a detector works on: a picture, or the feature map that a backbone made of one.
public enum DetectorInput: Sendable {
  /// A picture as it was decoded, orientation applied; the detector resizes and normalises it.
  case image(Image)

  /// A feature map of shape (C, H, W) and the picture it stands for: the backbone is left out.
  ///
  /// `imageSize` is the size of the resized picture that the features were computed from, in
  /// pixels; dividing by `scale` gives the original picture, which the boxes refer to.
  case features(Tensor, imageSize: ImageSize, scale: Float)
}
