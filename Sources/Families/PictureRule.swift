public import Images

/// How a picture becomes a network's input.
public struct PictureRule: Sendable, Hashable {
  /// How large it is made.
  public var resize: ResizeRule

  /// Sampling, order of the channels, normalisation.
  public var preprocessing: Preprocessing

  /// What both sides of the input are a multiple of; zeros follow at the right and below.
  public var paddingMultiple: Int

  /// Whether one scale, that of the widths, takes boxes back to the picture, or one for each axis.
  public var usesOneScale: Bool

  /// Makes a rule.
  public init(
    resize: ResizeRule, preprocessing: Preprocessing, paddingMultiple: Int = 1,
    usesOneScale: Bool = false
  ) {
    self.resize = resize
    self.preprocessing = preprocessing
    self.paddingMultiple = paddingMultiple
    self.usesOneScale = usesOneScale
  }
}
