import Foundation

/// The parts of an answer of `/detect` that tests compare.
struct Answer: Decodable, Equatable {
  struct Detection: Decodable, Equatable {
    var box: [Double]
    var score: Double
    var classId: Int
    var label: String
    var proposalIndex: Int
  }

  struct Proposal: Decodable, Equatable {
    var box: [Double]
    var objectness: Double
  }

  struct Picture: Decodable, Equatable {
    var width: Int
    var height: Int
  }

  var image: Picture
  var detections: [Detection]
  var proposals: [Proposal]?

  init(_ data: Data) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    self = try decoder.decode(Answer.self, from: data)
  }

  /// The largest difference of a coordinate in pixels or of a score, infinite where the two differ
  /// in anything else.
  func distance(to other: Answer) -> (box: Double, score: Double) {
    guard image == other.image, detections.count == other.detections.count,
      proposals?.count == other.proposals?.count,
      zip(detections, other.detections).allSatisfy({ $0.classId == $1.classId })
    else { return (.infinity, .infinity) }
    var result = (box: 0.0, score: 0.0)
    func compare(_ first: [Double], _ second: [Double]) {
      for (a, b) in zip(first, second) { result.box = max(result.box, abs(a - b)) }
    }
    for (a, b) in zip(detections, other.detections) {
      compare(a.box, b.box)
      result.score = max(result.score, abs(a.score - b.score))
    }
    for (a, b) in zip(proposals ?? [], other.proposals ?? []) {
      compare(a.box, b.box)
      result.score = max(result.score, abs(a.objectness - b.objectness))
    }
    return result
  }
}
