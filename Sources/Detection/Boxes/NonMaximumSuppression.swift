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

  /// The most boxes whose groups (feature maps, classes) are kept apart by moving them in float32
  /// before all are compared at once; more boxes, or all where it is `nil`, are compared group by
  /// group as they are.
  ///
  /// `batched_nms` of torchvision (1,000 on a CPU, which Detectron2 calls) and of mmcv (9,999) adds
  /// `group * (largest coordinate + 1)`, which rounds coordinates: at group 90 to 1/128 pixel.
  public var shiftedCount: Int?

  /// Makes settings.
  public init(iouThreshold: Float, boundary: Boundary = .above, shiftedCount: Int? = nil) {
    self.iouThreshold = iouThreshold
    self.boundary = boundary
    self.shiftedCount = shiftedCount
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

  /// How far apart the groups of some boxes are moved before they are compared; `nil` for not at all.
  func shift(_ boxes: Span<BoundingBox>) -> Float? {
    guard let shiftedCount, boxes.count <= shiftedCount else { return nil }
    var largest = -Float.infinity
    for index in boxes.indices {
      largest = max(largest, max(boxes[index].yMax, boxes[index].xMax))
      largest = max(largest, max(boxes[index].yMin, boxes[index].xMin))
    }
    return largest.isFinite ? largest + 1 : nil
  }

  /// Finds which boxes are kept.
  ///
  /// - Parameters:
  ///   - boxes: the boxes, in one frame.
  ///   - scores: a score for each box.
  ///   - sides: how a side is measured.
  ///   - maximumCount: stop when so many are kept.
  /// - Returns: the indices of the boxes that are kept, best first.
  public func keep(
    _ boxes: [BoundingBox], scores: [Float], sides: SideConvention = .halfOpen,
    maximumCount: Int = .max
  ) -> [Int] {
    var workspace = SuppressionWorkspace()
    var kept: [Int] = []
    keep(
      boxes, scores: scores, sides: sides, maximumCount: maximumCount, workspace: &workspace,
      into: &kept)
    return kept
  }

  /// The indices of the boxes that are kept, best first, written over `kept`.
  ///
  /// Allocates nothing where the workspace has seen as many boxes before.
  public func keep(
    _ boxes: [BoundingBox], scores: [Float], sides: SideConvention = .halfOpen,
    maximumCount: Int = .max, workspace: inout SuppressionWorkspace, into kept: inout [Int]
  ) {
    precondition(
      boxes.count == scores.count, "\(scores.count) scores do not go with \(boxes.count) boxes")
    kept.removeAll(keepingCapacity: true)
    workspace.rank(boxes, scores: scores)
    workspace.suppress(boxes, self, sides: sides, maximumCount: maximumCount)
    for index in workspace.kept { kept.append(Int(index)) }
  }
}
