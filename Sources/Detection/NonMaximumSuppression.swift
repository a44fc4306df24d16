import CDetectionKernels

/// Greedy non-maximum suppression: of boxes that overlap, the one with the best score stays.
///
/// From the best score down, a box is kept unless it overlaps one that was kept before. Boxes of
/// equal score rank by index, the lower first. A box whose score or coordinates are not finite is
/// never kept.
public struct NonMaximumSuppression: Sendable, Hashable {
  /// Whether an IoU equal to the threshold suppresses.
  public enum Boundary: Sendable, Hashable {
    /// An IoU above the threshold suppresses (torchvision, and the GPU code of py-faster-rcnn).
    case above
    /// An IoU at or above the threshold suppresses (chainercv; simple-faster-rcnn 1.0).
    case atOrAbove
  }

  /// The IoU at which two boxes are one object, compared in float32.
  public var iouThreshold: Float

  /// Whether an IoU equal to the threshold suppresses.
  public var boundary: Boundary

  /// How a side is measured.
  public var sides: SideConvention

  /// Makes settings.
  public init(
    iouThreshold: Float, boundary: Boundary = .above, sides: SideConvention = .halfOpen
  ) {
    self.iouThreshold = iouThreshold
    self.boundary = boundary
    self.sides = sides
  }

  /// The least IoU that suppresses.
  ///
  /// One comparison serves both boundaries: above t means at or above the next float after t.
  var bound: Float {
    switch boundary {
    case .above: iouThreshold.nextUp
    case .atOrAbove: iouThreshold
    }
  }

  /// Finds which boxes are kept.
  ///
  /// - Parameters:
  ///   - boxes: the boxes, in one frame.
  ///   - scores: a score for each box.
  ///   - classes: a class for each box where only boxes of one class suppress each other.
  ///   - maximumCount: stop when so many are kept.
  /// - Returns: the indices of the boxes that are kept, best first.
  public func keep(
    _ boxes: [BoundingBox], scores: [Float], classes: [Int]? = nil, maximumCount: Int = .max
  ) -> [Int] {
    var workspace = SuppressionWorkspace()
    var kept: [Int] = []
    keep(
      boxes, scores: scores, classes: classes, maximumCount: maximumCount, workspace: &workspace,
      into: &kept)
    return kept
  }

  /// The indices of the boxes that are kept, best first, written over `kept`.
  ///
  /// Allocates nothing without classes, where the workspace has seen as many boxes before.
  public func keep(
    _ boxes: [BoundingBox], scores: [Float], classes: [Int]? = nil, maximumCount: Int = .max,
    workspace: inout SuppressionWorkspace, into kept: inout [Int]
  ) {
    precondition(
      boxes.count == scores.count, "\(scores.count) scores do not go with \(boxes.count) boxes")
    kept.removeAll(keepingCapacity: true)
    workspace.rank(boxes, scores: scores)
    guard let classes else {
      workspace.suppress(boxes, self, maximumCount: maximumCount)
      for index in workspace.kept { kept.append(Int(index)) }
      return
    }
    precondition(
      boxes.count == classes.count, "\(classes.count) classes do not go with \(boxes.count) boxes")
    let order = workspace.ranking.order
    let groups = Dictionary(grouping: order.indices) { classes[Int(order[$0])] }
    var ranks: [Int] = []
    for group in groups.values {
      workspace.suppress(boxes, order: group.map { order[$0] }, self, maximumCount: maximumCount)
      // The kept ones are a subsequence of the group: walk both to find their ranks.
      var next = workspace.kept.startIndex
      for rank in group where next < workspace.kept.endIndex && workspace.kept[next] == order[rank]
      {
        ranks.append(rank)
        next += 1
      }
    }
    ranks.sort()
    for rank in ranks.prefix(max(maximumCount, 0)) { kept.append(Int(order[rank])) }
  }
}
