import Detection
import Tensors

/// The program of `docs/from-picture-to-loss.md`: note 002 from picture to total loss.
///
/// Each part between two `// MARK:` lines is a block of the document, to the letter; what it prints
/// and draws is what the document shows. `FromPictureToLossTests` holds them together.
func walkFromPictureToLoss(on page: WalkPage) {
  func print(_ line: String, atLine sourceLine: Int = #line) {
    page.print(line, atLine: sourceLine)
  }
  func draw(_ name: String, _ layers: [(boxes: [BoundingBox], style: Sketch.Style)]) {
    page.draw(name, layers)
  }

  // MARK: The picture
  let groundTruth = [
    BoundingBox(yMin: 20, xMin: 30, yMax: 400, xMax: 500),
    BoundingBox(yMin: 300, xMin: 400, yMax: 500, xMax: 600),
  ]
  let labels = [6, 8]  // 0 is background
  let frame = ImageFrame(height: 800, width: 800, originalHeight: 800, originalWidth: 800)

  // MARK: The features
  var generator = SplitMix64(seed: 2)
  let features = Tensor(
    shape: [1, 512, 50, 50], values: generator.normal(512 * 50 * 50, deviation: 1))
  print("features \(features.shape)")

  // MARK: The anchors of a cell
  let base = AnchorSettings().makeBase()
  for box in base {
    print(row([box.yMin, box.xMin, box.yMax, box.xMax], decimals: 4))
  }

  // MARK: The anchors of the map
  let grid = AnchorGrid(base: base, featureStride: 16, height: 50, width: 50)
  let inside = grid.indicesInside(height: 800, width: 800)
  print("\(grid.anchors.count) anchors, \(inside.count) of them inside the picture")

  let middle = 9 * (50 * 25 + 25)
  draw(
    "anchors",
    [(Array(grid.anchors[middle..<middle + 9]), .candidate), (groundTruth, .groundTruth)])

  // MARK: The targets of the anchors
  let anchorTargets = AnchorTargetCreator()
  let assignment = anchorTargets.assign(
    groundTruth, to: grid.anchors, imageHeight: 800, imageWidth: 800)
  let outside = grid.anchors.count - inside.count
  print("positive: \(assignment.count(.foreground))")
  print("negative: \(assignment.count(.background))")
  print("ignored: \(assignment.count(.ignored) - outside)")

  // MARK: The offsets
  for anchor in [0, 1, 2].map({ 9 * (50 * (6 + $0) + 3) + 6 }) {
    let offset = assignment.offsets[anchor]
    print(row([offset.dy, offset.dx, offset.dh, offset.dw], decimals: 8))
  }

  // MARK: The sample of anchors
  let sampledAnchors = anchorTargets.sample(assignment, using: &generator)
  print("positive: \(sampledAnchors.count(.foreground))")
  print("negative: \(sampledAnchors.count(.background))")
  print("ignored: \(sampledAnchors.count(.ignored) - outside)")

  func anchors(_ label: MatchLabel) -> [BoundingBox] {
    zip(grid.anchors, sampledAnchors.labels).filter { $0.1 == label }.map(\.0)
  }
  draw(
    "targets",
    [
      (anchors(.background), .background), (anchors(.foreground), .candidate),
      (groundTruth, .groundTruth),
    ])

  // MARK: The predictions of the RPN
  let anchorCount = grid.anchors.count
  let predictedOffsets = generator.normal(anchorCount * 4, deviation: 0.01)
  let predictedScores = generator.normal(anchorCount * 2, deviation: 0.01)

  // MARK: The proposals
  var proposalCreator = ProposalCreator(
    settings: ProposalSettings(
      ranking: .foregroundLogit, counts: ProposalCounts(beforeNMS: 12_000, afterNMS: 2_000)))
  let proposals = proposalCreator.propose(
    offsets: predictedOffsets.span, scores: predictedScores.span, grid: grid, frame: frame)
  print("\(proposals.count) proposals")

  draw("proposals", [(Array(proposals.boxes.prefix(40)), .candidate), (groundTruth, .groundTruth)])

  // MARK: The targets of the proposals
  let proposalTargets = ProposalTargetCreator(
    sampler: Sampler(count: 128, positiveShare: 0.25), appendsGroundTruth: false, firstLabel: 1,
    offsetDeviation: BoxOffset(dy: 1, dx: 1, dh: 1, dw: 1))
  let candidates = proposalTargets.assign(groundTruth, labels: labels, to: proposals.boxes)
  let sampledRoIs = proposalTargets.sample(candidates, using: &generator)
  print("\(sampledRoIs.positiveCount) positive and \(sampledRoIs.rois.count) RoIs in all")
  print("labels \(Set(sampledRoIs.labels).sorted())")

  draw(
    "rois",
    [
      (Array(sampledRoIs.rois.dropFirst(sampledRoIs.positiveCount)), .background),
      (Array(sampledRoIs.rois.prefix(sampledRoIs.positiveCount)), .candidate),
      (groundTruth, .groundTruth),
    ])

  // MARK: The pooled features
  let pooling = RoIPooling(
    .truncatingAdaptiveMax, outputSize: 7, spatialScale: SpatialScale(1 / 16))
  let pooled = pooling.pool(
    features, rois: sampledRoIs.rois, imageIndices: sampledRoIs.rois.map { _ in 0 })
  print("pooled \(pooled.shape)")
  print("for each RoI \(pooled.shape.count / pooled.shape[0]) numbers")

  // MARK: The predictions of the head
  let roiCount = sampledRoIs.rois.count
  let headScores = Tensor(
    shape: [roiCount, 21], values: generator.normal(roiCount * 21, deviation: 0.01))
  let headOffsets = boxOffsets(generator.normal(roiCount * 21 * 4, deviation: 0.01))

  // MARK: The loss of the RPN
  let rpnLoss = RPNLoss(sigma: 1, normalisation: .positiveCount, lambda: 10)(
    scores: Tensor(shape: [anchorCount, 2], values: predictedScores),
    offsets: boxOffsets(predictedOffsets), targets: sampledAnchors)
  print("classification \(decimal(rpnLoss.classification, decimals: 4))")
  print("regression \(decimal(rpnLoss.regression, decimals: 4))")
  print("total \(decimal(rpnLoss.total, decimals: 4))")

  // MARK: The loss of the head
  let roiLoss = RoILoss(normalisation: .positiveCount, lambda: 10)(
    scores: headScores, offsets: headOffsets, targets: sampledRoIs)
  print("classification \(decimal(roiLoss.classification, decimals: 4))")
  print("regression \(decimal(roiLoss.regression, decimals: 4))")
  print("total \(decimal(roiLoss.total, decimals: 4))")

  // MARK: The total loss
  print("total \(decimal(rpnLoss.total + roiLoss.total, decimals: 4))")

  // MARK: The gradients
  let steepest = rpnLoss.offsetGradient.map { abs($0.dy) }.max() ?? 0
  print("anchors with a gradient: \(rpnLoss.offsetGradient.count { $0.isNotZero })")
  print("steepest dy: \(decimal(steepest, decimals: 4))")
  // MARK: -
}
