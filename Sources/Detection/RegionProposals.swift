/// The proposals of one or more pictures: for each picture in turn, best first.
///
/// Parallel arrays, because RoI pooling reads boxes and picture indices as they are.
public struct RegionProposals: Sendable, Equatable {
  /// The boxes in pixels of the resized picture, R of them.
  public internal(set) var boxes: [BoundingBox] = []

  /// The probability that each holds an object: softmax, or sigmoid of a single logit.
  public internal(set) var objectness: [Float] = []

  /// The anchor that each comes from, an index into `AnchorGrid.anchors`.
  public internal(set) var anchorIndices: [Int] = []

  /// The picture of the batch that each lies in (the notes' `roi_indices`).
  public internal(set) var imageIndices: [Int] = []

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

  /// Removes the proposals from `start` on and keeps the memory.
  mutating func removeAll(from start: Int = 0) {
    let surplus = count - start
    boxes.removeLast(surplus)
    objectness.removeLast(surplus)
    anchorIndices.removeLast(surplus)
    imageIndices.removeLast(surplus)
  }

  /// Appends one proposal of another list.
  mutating func append(_ other: RegionProposals, _ index: Int) {
    boxes.append(other.boxes[index])
    objectness.append(other.objectness[index])
    anchorIndices.append(other.anchorIndices[index])
    imageIndices.append(other.imageIndices[index])
  }
}
