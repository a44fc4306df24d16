internal import CDetectionKernels

/// The memory of non-maximum suppression, kept from call to call.
public struct SuppressionWorkspace: Sendable {
  /// Sort keys of the scores; 0 for a box that must not be chosen.
  var keys: [UInt32] = []
  var ranking = ScoreRanking()
  /// The kept boxes of the last run, five floats each, as the kernel lays them out.
  private var scratch: [Float] = []
  private var keptStorage: [UInt32] = []
  private var keptCount = 0
  /// 0, 1, 2, ...: the order of boxes that stand best first already.
  private var identity: [UInt32] = []

  /// Makes an empty workspace, which grows with its first use.
  public init() {}

  /// The indices that the last run kept, best first.
  var kept: ArraySlice<UInt32> { keptStorage[..<keptCount] }

  /// Ranks all boxes by score; those whose score or box is not finite are left out.
  mutating func rank(_ boxes: [BoundingBox], scores: [Float]) {
    let count = scores.count
    keys.grow(to: count, filling: 0)
    // Safety: the kernel reads `count` scores and writes `count` keys; `keys` holds at least that.
    unsafe keys.withUnsafeMutableBufferPointer { keys in
      unsafe scores.withUnsafeBufferPointer { scores in
        guard let first = scores.baseAddress else { return }
        unsafe detection_rank_keys(nil, first, 1, count, 0, keys.baseAddress)
      }
    }
    for index in boxes.indices where !boxes[index].isFinite { keys[index] = 0 }
    rankKeys(count: count, limit: count)
  }

  /// Ranks the first `count` keys.
  mutating func rankKeys(count: Int, limit: Int) {
    ranking.rank(keys, count: count, limit: limit)
  }

  /// Suppresses in the order of the last ranking.
  mutating func suppress(
    _ boxes: [BoundingBox], _ settings: NonMaximumSuppression, sides: SideConvention,
    maximumCount: Int
  ) {
    suppress(boxes, order: ranking.order, settings, sides: sides, maximumCount: maximumCount)
  }

  /// Suppresses among the boxes that `order` names, best first.
  mutating func suppress(
    _ boxes: [BoundingBox], order: [UInt32], _ settings: NonMaximumSuppression,
    sides: SideConvention, maximumCount: Int
  ) {
    if let last = order.max() {
      precondition(last < boxes.count, "index \(last) is not one of \(boxes.count) boxes")
    }
    suppress(
      boxes, order: order, 0..<order.count, settings, sides: sides, maximumCount: maximumCount)
  }

  /// Suppresses among the boxes of a range, which stand best first.
  mutating func suppress(
    _ boxes: [BoundingBox], range: Range<Int>, _ settings: NonMaximumSuppression,
    sides: SideConvention, maximumCount: Int
  ) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= boxes.count,
      "the boxes \(range) are not among \(boxes.count)")
    identity.reserveCapacity(range.upperBound)
    while identity.count < range.upperBound { identity.append(UInt32(identity.count)) }
    suppress(
      boxes, order: identity, range, settings, sides: sides, maximumCount: maximumCount)
  }

  /// Suppresses in a given order, of which a range counts; every index must be one of a box.
  private mutating func suppress(
    _ boxes: [BoundingBox], order: [UInt32], _ range: Range<Int>,
    _ settings: NonMaximumSuppression, sides: SideConvention, maximumCount: Int
  ) {
    let count = range.count
    // A bound of 0 or less is reached by every pair of boxes: the first suppresses all others.
    let most = min(count, max(maximumCount, 0), settings.bound <= 0 ? 1 : count)
    scratch.grow(to: 5 * most, filling: 0)
    keptStorage.grow(to: most, filling: 0)
    var how = detection_suppression(
      bound: settings.bound, side_extra: sides.extra, maximum_kept: most)
    // Safety: both callers have seen to it that the range lies within `order`, and every index of it
    // below boxes.count; scratch and kept hold what `most` kept boxes need, and the kernel keeps no
    // more.
    keptCount = unsafe boxes.withUnsafeFloats { boxes in
      unsafe order.withUnsafeBufferPointer { order in
        unsafe scratch.withUnsafeMutableBufferPointer { scratch in
          unsafe keptStorage.withUnsafeMutableBufferPointer { kept in
            guard let boxes = boxes.baseAddress, let order = order.baseAddress, most > 0 else {
              return 0
            }
            return unsafe detection_suppress(
              boxes, order + range.lowerBound, count, &how, scratch.baseAddress, kept.baseAddress)
          }
        }
      }
    }
  }
}
