import Detection

/// The algorithms as the notes write them: every step over everything, sorted whole, pair by pair.
///
/// What the library does must give the same result, to the bit.
enum Reference {
  /// The indices that greedy suppression keeps, compared with every box kept before.
  static func suppress(
    _ boxes: [BoundingBox], order: [Int], _ settings: NonMaximumSuppression,
    sides: SideConvention, maximumCount: Int
  ) -> [Int] {
    var kept: [Int] = []
    for candidate in order where kept.count < maximumCount {
      let isSuppressed = kept.contains { other in
        let iou = IntersectionOverUnion.of(boxes[candidate], boxes[other], sides: sides)
        return switch settings.boundary {
        case .above: iou > settings.iouThreshold
        case .atOrAbove: iou >= settings.iouThreshold
        }
      }
      if !isSuppressed { kept.append(candidate) }
    }
    return kept
  }

  /// Indices by score from the highest, equal scores by index.
  static func ranked(_ indices: [Int], by scores: [Float]) -> [Int] {
    indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
  }

  /// The anchors that become proposals of one picture, and the box of every anchor.
  static func propose(
    _ settings: ProposalSettings, _ coder: BoxCoder, offsets: [Float], scores: [Float],
    grid: AnchorGrid,
    frame: ImageFrame
  ) -> (kept: [Int], boxes: [BoundingBox]) {
    let all = Array(grid.anchors.indices)
    let logits = all.map { logitPair(of: $0, scores, settings.layout, grid) }
    let ranks: [Float] = logits.map { background, foreground in
      guard settings.ranking == .foregroundProbability else { return foreground }
      // The sigmoid of one logit is the softmax of that logit and 0.
      let background = background ?? 0
      // Softmax of two, the greater logit subtracted first.
      let greatest = max(background, foreground)
      let e = exponential(foreground - greatest)
      return e / (exponential(background - greatest) + e)
    }
    let boxes = all.map { index in
      let offset = BoxOffset(
        offsets[4 * index], offsets[4 * index + 1], offsets[4 * index + 2], offsets[4 * index + 3],
        as: coder.order)
      return coder.decode(offset, relativeTo: grid.anchors[index])
    }
    let clipped = boxes.map {
      $0.clipped(
        yLimit: coder.sides.limit(frame.height), xLimit: coder.sides.limit(frame.width))
    }
    let hasScore = { (index: Int) in
      logits[index].1.isFinite && logits[index].0?.isFinite != false
    }
    let isUsable = { (index: Int) in
      let box = clipped[index]
      guard box.isFinite, offsets[4 * index..<4 * index + 4].allSatisfy(\.isFinite) else {
        return false
      }
      guard let minimum = settings.minimumSide else { return true }
      let bound = minimum.scalesWithImage ? minimum.length * frame.xScale : minimum.length
      let sides = [box.height + coder.sides.extra, box.width + coder.sides.extra]
      return sides.allSatisfy { minimum.isExclusive ? $0 > bound : $0 >= bound }
    }
    let candidates: [Int] =
      switch settings.stepOrder {
      case .filterThenRank:
        Array(
          ranked(all.filter { hasScore($0) && isUsable($0) }, by: ranks)
            .prefix(settings.counts.beforeNMS))
      case .rankThenFilter:
        ranked(all.filter(hasScore), by: ranks).prefix(settings.counts.beforeNMS).filter(isUsable)
      }
    let kept = suppress(
      clipped, order: candidates, settings.nms, sides: coder.sides,
      maximumCount: settings.counts.afterNMS)
    return (kept, clipped)
  }

  private static func logitPair(
    of anchor: Int, _ scores: [Float], _ layout: ObjectnessLayout, _ grid: AnchorGrid
  ) -> (Float?, Float) {
    let (cell, place) = anchor.quotientAndRemainder(dividingBy: grid.anchorsPerCell)
    let first = 2 * cell * grid.anchorsPerCell
    return switch layout {
    case .interleavedPairs: (scores[2 * anchor], scores[2 * anchor + 1])
    case .blockedPairs: (scores[first + place], scores[first + grid.anchorsPerCell + place])
    case .single: (nil, scores[anchor])
    }
  }

  /// The library's own exponential, of which BoxCoderTests checks the error.
  private static func exponential(_ x: Float) -> Float {
    let unit = BoundingBox(yMin: 0, xMin: 0, yMax: 1, xMax: 1)
    let box = BoxCoder().decode(BoxOffset(dy: -0.5, dx: 0, dh: x, dw: 0), relativeTo: unit)
    return 2 * box.yMax
  }
}
