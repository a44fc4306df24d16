import Detection
import Glibc

/// What every case and every peer works on.
struct Inputs {
  /// A feature map of a picture of 592 x 992 pixels: 62 x 37 x 9 = 20,646 anchors.
  static let frame = ImageFrame(
    height: 592, width: 992, originalHeight: 592, originalWidth: 992)

  let grid = AnchorGrid(
    base: AnchorSettings().makeBase(), featureStride: 16, height: 37, width: 62)

  /// 20 objects.
  let groundTruth: [BoundingBox]

  /// Offsets and logits without any structure: what an untrained network gives.
  let untrained: Outputs

  /// Offsets that lead to the nearest object, logits that rise with the overlap.
  ///
  /// It is what a trained network gives: many candidates share one object.
  let trained: Outputs

  /// The outputs of the RPN, [H, W, A x 4] and [H, W, A x 2].
  struct Outputs {
    var offsets: [Float] = []
    var scores: [Float] = []
  }

  init() {
    var random = RandomNumbers(seed: 20_646)
    let groundTruth = (0..<20).map { _ in
      let (height, width) = (random.uniform(40...300), random.uniform(40...300))
      let (y, x) = (random.uniform(0...592 - height), random.uniform(0...992 - width))
      return BoundingBox(yMin: y, xMin: x, yMax: y + height, xMax: x + width)
    }
    var (untrained, trained) = (Outputs(), Outputs())
    let anchors = grid.anchors
    let overlaps = IntersectionOverUnion.matrix(anchors, groundTruth)
    for (index, anchor) in anchors.enumerated() {
      for deviation: Float in [0.1, 0.1, 0.2, 0.2] {
        untrained.offsets.append(random.normal(deviation))
      }
      untrained.scores += [random.normal(1), random.normal(1)]

      let row = overlaps[index * 20..<(index + 1) * 20]
      let best = row.indices.max { row[$0] < row[$1] } ?? row.startIndex
      let target = BoxCoder().encode(groundTruth[best - row.startIndex], relativeTo: anchor)
      let pull: Float = row[best] > 0.1 ? 0.9 : 0
      trained.offsets += [
        pull * target.dy + random.normal(0.05), pull * target.dx + random.normal(0.05),
        pull * target.dh + random.normal(0.05), pull * target.dw + random.normal(0.05),
      ]
      let margin = 12 * row[best] - 5 + random.normal(1)
      trained.scores += [-margin / 2 + random.normal(0.2), margin / 2 + random.normal(0.2)]
    }
    self.groundTruth = groundTruth
    self.untrained = untrained
    self.trained = trained
  }

  /// The best 6,000 boxes of some outputs and their scores, as they enter suppression.
  func candidates(of outputs: Outputs) -> (boxes: [BoundingBox], scores: [Float]) {
    var settings = ProposalSettings()
    settings.counts = ProposalCounts(beforeNMS: 6_000, afterNMS: 6_000)
    settings.nms.iouThreshold = 1
    var creator = ProposalCreator(settings: settings)
    let all = creator.propose(
      offsets: outputs.offsets.span, scores: outputs.scores.span, grid: grid, frame: Self.frame)
    return (all.boxes, all.objectness)
  }
}

/// Writes numbers as little-endian float32, for the peers to read.
func write(_ values: [Float], to path: String) throws {
  struct CannotWrite: Error { let path: String }
  guard let file = unsafe fopen(path, "wb") else { throw CannotWrite(path: path) }
  defer { unsafe fclose(file) }
  // Safety: fwrite reads values.count elements of the size of a float, the array's own storage.
  let written = unsafe values.withUnsafeBufferPointer {
    unsafe fwrite($0.baseAddress, MemoryLayout<Float>.size, $0.count, file)
  }
  guard written == values.count else { throw CannotWrite(path: path) }
}

func flat(_ boxes: [BoundingBox]) -> [Float] {
  boxes.flatMap { [$0.yMin, $0.xMin, $0.yMax, $0.xMax] }
}
