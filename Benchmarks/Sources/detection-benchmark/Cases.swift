import Detection

/// A piece of work with its memory; running it returns a number that depends on the result.
typealias Work = () -> Int

/// The cases by the names that `scripts/peers/detection.py` uses too.
func makeCases(_ inputs: Inputs) -> [(name: String, work: Work)] {
  var cases: [(name: String, work: Work)] = []
  for (kind, outputs) in [("untrained", inputs.untrained), ("trained", inputs.trained)] {
    var proposals = RegionProposals()
    var creator = ProposalCreator(settings: ProposalSettings())
    let grid = inputs.grid
    cases.append(
      (
        "proposals-\(kind)",
        {
          proposals.removeAll()
          creator.begin(Inputs.frame)
          creator.add(offsets: outputs.offsets.span, scores: outputs.scores.span, grid: grid)
          creator.finish(into: &proposals)
          return proposals.count
        }
      ))
    let (boxes, scores) = inputs.candidates(of: outputs)
    for (end, maximum) in [("all", Int.max), ("300", 300)] {
      let nms = NonMaximumSuppression(iouThreshold: 0.7)
      var workspace = SuppressionWorkspace()
      var kept: [Int] = []
      cases.append(
        (
          "nms-\(kind)-\(end)",
          {
            nms.keep(
              boxes, scores: scores, maximumCount: maximum, workspace: &workspace, into: &kept)
            return kept.count
          }
        ))
    }
  }
  var (scratch, matrix): ([Float], [Float]) = ([], [])
  let (anchors, groundTruth) = (inputs.grid.anchors, inputs.groundTruth)
  cases.append(
    (
      "iou",
      {
        IntersectionOverUnion.matrix(anchors, groundTruth, scratch: &scratch, into: &matrix)
        return matrix.count
      }
    ))
  return cases
}
