/// How boxes and ground truth overlap: for each box its best ground truth, and the other way round.
///
/// Ground truth without area, or with a coordinate that is not finite, cannot be a target and takes
/// no part.
struct GroundTruthOverlaps {
  /// Which of the given ground truths take part; the other members count by this list.
  let groundTruthIndices: [Int]

  /// For each box the ground truth that it overlaps most, the first of equals; `nil` without any.
  let bestGroundTruths: [Int?]

  /// For each box how much it overlaps that one; 0 without any ground truth.
  let largest: [Float]

  /// For each ground truth the boxes that share its largest overlap, in order; none where that is
  /// 0.
  let bestRows: [[Int]]

  init(of boxes: [BoundingBox], with groundTruth: [BoundingBox], sides: SideConvention) {
    let indices = groundTruth.indices.filter { groundTruth[$0].isTarget(sides: sides) }
    let count = indices.count
    let overlaps = IntersectionOverUnion.matrix(
      boxes, indices.map { groundTruth[$0] }, sides: sides)
    var bestGroundTruths = [Int?](repeating: nil, count: boxes.count)
    var largest = [Float](repeating: 0, count: boxes.count)
    var largestOfGroundTruth = [Float](repeating: 0, count: count)
    for row in boxes.indices where count > 0 {
      var best = 0
      for column in 0..<count {
        let overlap = overlaps[row * count + column]
        if overlap > overlaps[row * count + best] { best = column }
        if overlap > largestOfGroundTruth[column] { largestOfGroundTruth[column] = overlap }
      }
      bestGroundTruths[row] = best
      largest[row] = overlaps[row * count + best]
    }
    var bestRows = [[Int]](repeating: [], count: count)
    for row in boxes.indices {
      for column in 0..<count
      where overlaps[row * count + column] > 0
        && overlaps[row * count + column] == largestOfGroundTruth[column]
      {
        bestRows[column].append(row)
      }
    }
    groundTruthIndices = indices
    self.bestGroundTruths = bestGroundTruths
    self.largest = largest
    self.bestRows = bestRows
  }
}

extension BoundingBox {
  /// Whether an offset to this box exists: its coordinates and sides are finite, its sides above 0.
  func isTarget(sides: SideConvention) -> Bool {
    let (height, width) = (height + sides.extra, width + sides.extra)
    return isFinite && height > 0 && width > 0 && height.isFinite && width.isFinite
  }
}
