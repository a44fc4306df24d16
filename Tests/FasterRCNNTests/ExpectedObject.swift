import Detection

@testable import FasterRCNN

/// An object that a reference implementation found.
struct ExpectedObject: Equatable {
  var box: BoundingBox
  var classID: Int
  var score: Float

  /// Pairs each object with one of ours, the nearest that is still free: no object counts twice, so
  /// that twins of one are missed where the other side has only one.
  ///
  /// - Parameters:
  ///   - wanted: What the reference found.
  ///   - found: What we found.
  ///   - distance: How far an edge of the box may lie away, in pixels.
  ///   - difference: How much the score may differ.
  /// - Returns: What is left without a partner on either side.
  static func pair(
    _ wanted: [ExpectedObject], with found: [DetectedObject], distance: Float, difference: Float
  ) -> (missing: [ExpectedObject], surplus: [DetectedObject]) {
    var free = Set(found.indices)
    let missing = wanted.filter { object in
      let partners = free.filter {
        found[$0].classID == object.classID && abs(found[$0].score - object.score) <= difference
          && found[$0].box.distance(to: object.box) <= distance
      }
      let nearest = partners.min {
        (found[$0].box.distance(to: object.box), $0) < (found[$1].box.distance(to: object.box), $1)
      }
      guard let nearest else { return true }
      free.remove(nearest)
      return false
    }
    return (missing, free.sorted().map { found[$0] })
  }
}
