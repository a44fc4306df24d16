/// Non-maximum suppression in groups, boxes of different groups leaving each other alone; its memory
/// is kept from call to call.
///
/// The groups are the feature maps that proposals come from, or the classes of objects.
struct GroupSuppression: Sendable {
  /// The candidates: group after group, and in each the best first.
  private(set) var boxes: [BoundingBox] = []

  /// The candidates that are kept, as indices: group after group, and in each the best first.
  private(set) var kept: [Int] = []

  /// For each group its number and where it ends among the boxes.
  private var groups: [(number: Int, end: Int)] = []
  /// The boxes as they were compared, where the groups were moved apart.
  private var shifted: [BoundingBox] = []
  private var isShifted = false
  private var workspace = SuppressionWorkspace()

  mutating func removeAll() {
    boxes.removeAll(keepingCapacity: true)
    groups.removeAll(keepingCapacity: true)
    kept.removeAll(keepingCapacity: true)
    isShifted = false
  }

  /// Makes room for so many more candidates.
  mutating func reserveCapacity(_ count: Int) { boxes.reserveCapacity(boxes.count + count) }

  /// Adds a candidate to the group that is being filled; none of it is better than those before.
  mutating func append(_ box: BoundingBox) { boxes.append(box) }

  /// Adds a group and thins it at once: of its candidates the kept ones alone are added.
  ///
  /// For groups that are never moved apart, and so need not wait for each other; `suppress` is not
  /// called then.
  ///
  /// - Parameters:
  ///   - candidates: boxes, in any order.
  ///   - order: indices of the candidates that take part, best first.
  ///   - nms: which overlap is too much.
  ///   - sides: how a side is measured.
  ///   - maximumCount: the most that are kept.
  /// - Returns: the indices of the candidates that are kept, best first.
  mutating func addThinned(
    _ candidates: [BoundingBox], order: [UInt32], _ nms: NonMaximumSuppression,
    sides: SideConvention, maximumCount: Int
  ) -> ArraySlice<UInt32> {
    workspace.suppress(candidates, order: order, nms, sides: sides, maximumCount: maximumCount)
    for index in workspace.kept {
      kept.append(boxes.count)
      boxes.append(candidates[Int(index)])
    }
    return workspace.kept
  }

  /// Ends the group that is being filled.
  ///
  /// - Parameter number: what it is moved by, in largest coordinates, where groups are moved apart.
  mutating func endGroup(number: Int) { groups.append((number, boxes.count)) }

  /// The box of a candidate as it is compared with others of its group.
  func comparedBox(_ index: Int) -> BoundingBox { isShifted ? shifted[index] : boxes[index] }

  /// Finds which candidates are kept, at most so many of each group.
  mutating func suppress(
    _ nms: NonMaximumSuppression, sides: SideConvention, maximumCount: Int = .max
  ) {
    kept.removeAll(keepingCapacity: true)
    // Moving the one group 0 by nothing is not moving it.
    let isAlone = groups.count <= 1 && groups.allSatisfy { $0.number == 0 }
    let shift = isAlone ? nil : nms.shift(boxes.span)
    isShifted = shift != nil
    if let shift { move(by: shift) }
    var start = 0
    for group in groups {
      if isShifted {
        workspace.suppress(
          shifted, range: start..<group.end, nms, sides: sides, maximumCount: maximumCount)
      } else {
        workspace.suppress(
          boxes, range: start..<group.end, nms, sides: sides, maximumCount: maximumCount)
      }
      for index in workspace.kept { kept.append(Int(index)) }
      start = group.end
    }
  }

  private mutating func move(by shift: Float) {
    shifted.removeAll(keepingCapacity: true)
    shifted.reserveCapacity(boxes.count)
    var start = 0
    for group in groups {
      let distance = Float(group.number) * shift
      for index in start..<group.end {
        let box = boxes[index]
        shifted.append(
          BoundingBox(
            yMin: box.yMin + distance, xMin: box.xMin + distance, yMax: box.yMax + distance,
            xMax: box.xMax + distance))
      }
      start = group.end
    }
  }
}

extension NonMaximumSuppression {
  /// Finds which boxes are kept where only boxes of one group suppress each other, as `batched_nms`
  /// of torchvision and mmcv does.
  ///
  /// - Parameters:
  ///   - boxes: the boxes, in one frame.
  ///   - scores: a score for each box.
  ///   - groups: a group for each box, 0 or more.
  ///   - sides: how a side is measured.
  ///   - maximumCount: the most boxes that are kept, the best of all groups.
  /// - Returns: the indices of the boxes that are kept, best first.
  public func keep(
    _ boxes: [BoundingBox], scores: [Float], groups: [Int], sides: SideConvention = .halfOpen,
    maximumCount: Int = .max
  ) -> [Int] {
    precondition(
      boxes.count == scores.count && boxes.count == groups.count,
      "\(scores.count) scores and \(groups.count) groups do not go with \(boxes.count) boxes")
    var workspace = SuppressionWorkspace()
    workspace.rank(boxes, scores: scores)
    let order = workspace.ranking.order.map { Int($0) }
    // Stable: in each group the best comes first.
    let ranks = order.indices.sorted {
      (groups[order[$0]], $0) < (groups[order[$1]], $1)
    }
    var suppression = GroupSuppression()
    for (place, rank) in ranks.enumerated() {
      let group = groups[order[rank]]
      suppression.append(boxes[order[rank]])
      if place + 1 == ranks.count || groups[order[ranks[place + 1]]] != group {
        suppression.endGroup(number: group)
      }
    }
    suppression.suppress(self, sides: sides)
    let kept = suppression.kept.map { ranks[$0] }.sorted()
    return kept.prefix(max(maximumCount, 0)).map { order[$0] }
  }
}
