/// The proposals of one or more pictures: for each picture in turn, best first.
///
/// Parallel arrays, because RoI pooling reads boxes and picture indices as they are.
public struct RegionProposals: Sendable, Equatable {
  /// The boxes in pixels of the resized picture, R of them.
  public private(set) var boxes: [BoundingBox] = []

  /// The probability that each holds an object: softmax, or sigmoid of a single logit.
  public private(set) var objectness: [Float] = []

  /// The anchor that each comes from, counted through the feature maps of its picture from the first.
  public private(set) var anchorIndices: [Int] = []

  /// The picture of the batch that each lies in.
  public private(set) var imageIndices: [Int] = []

  /// Makes an empty list.
  public init() {}

  /// The number of proposals, R.
  public var count: Int { boxes.count }

  /// The proposals of one picture of the batch, as a range of the arrays.
  public func range(ofImage image: Int) -> Range<Int> {
    let first = imageIndices.firstIndex { $0 >= image } ?? count
    let end = imageIndices[first...].firstIndex { $0 > image } ?? count
    return first..<end
  }

  /// Removes all proposals and keeps the memory.
  public mutating func removeAll() {
    boxes.removeAll(keepingCapacity: true)
    objectness.removeAll(keepingCapacity: true)
    anchorIndices.removeAll(keepingCapacity: true)
    imageIndices.removeAll(keepingCapacity: true)
  }

  /// Appends one proposal.
  mutating func append(_ box: BoundingBox, objectness: Float, anchor: Int, image: Int) {
    boxes.append(box)
    self.objectness.append(objectness)
    anchorIndices.append(anchor)
    imageIndices.append(image)
  }
}
