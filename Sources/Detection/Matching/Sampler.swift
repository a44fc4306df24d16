/// Draws a small batch with a bounded share of objects (Girshick, Fast R-CNN, 2015, section 2.3).
public struct Sampler: Sendable, Hashable {
  /// How many boxes of a picture are trained on.
  public var count: Int

  /// The largest part of the sample that is objects.
  public var positiveShare: Double

  /// How `positiveShare * count` becomes a whole number: towards zero as Python's `int`, or half to
  /// even as NumPy's `round`.
  public var shareRounding: FloatingPointRoundingRule

  /// Makes a sampler; traps unless the count is 0 or more, and the share between 0 and 1.
  ///
  /// - Parameters:
  ///   - count: How many boxes of a picture are trained on.
  ///   - positiveShare: The largest part of the sample that is objects, 0 to 1.
  ///   - shareRounding: How that part of `count` becomes a whole number.
  public init(
    count: Int, positiveShare: Double, shareRounding: FloatingPointRoundingRule = .towardZero
  ) {
    precondition(
      count >= 0 && (0...1).contains(positiveShare),
      "no sample: \(count) boxes, of which \(positiveShare) objects")
    self.count = count
    self.positiveShare = positiveShare
    self.shareRounding = shareRounding
  }

  /// 256 anchors, half of them objects at most.
  public static let anchors = Sampler(count: 256, positiveShare: 0.5)

  /// 128 RoIs, a quarter of them objects at most.
  public static let rois = Sampler(
    count: 128, positiveShare: 0.25, shareRounding: .toNearestOrEven)

  /// How many objects and how much background are drawn from so many of each.
  ///
  /// Background fills the sample up, counted after the objects are thinned out; there may not be
  /// enough of it.
  func counts(positives: Int, negatives: Int) -> (positives: Int, negatives: Int) {
    let most = Int((positiveShare * Double(count)).rounded(shareRounding))
    let positives = min(positives, most)
    return (positives, min(negatives, count - positives))
  }
}
