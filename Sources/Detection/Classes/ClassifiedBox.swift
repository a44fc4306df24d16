/// An object that the RoI head found.
public struct ClassifiedBox: Sendable, Hashable {
  /// The box in pixels of the original picture, clipped to it.
  public var box: BoundingBox

  /// The probability of the class: softmax over all classes and background.
  public var score: Float

  /// The class, counted from 0 without background.
  public var classID: Int

  /// The RoI that it was found in, an index into the RoIs given.
  public var roiIndex: Int

  /// Makes an object.
  public init(box: BoundingBox, score: Float, classID: Int, roiIndex: Int) {
    self.box = box
    self.score = score
    self.classID = classID
    self.roiIndex = roiIndex
  }
}
