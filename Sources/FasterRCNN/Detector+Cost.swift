internal import Compute
internal import Detection
internal import Families
internal import Images
internal import Networks
public import Tensors

extension Detector {
  /// How many multiplications and additions the convolutions and linear layers need for a picture,
  /// stage by stage, counted as a direct computation would need them.
  ///
  /// - Parameter size: the picture's size; plans for it are made where there are none.
  /// - Returns: the counts of the backbone, the RPN, and the head with as many proposals as the model
  ///   keeps at most.
  /// - Throws: `DetectorError` where a picture of the size cannot be worked on.
  public func operationCounts(for size: PictureSize) throws(DetectorError) -> [Stage: Int] {
    try session.run { (session) throws(DetectorError) in try session.operationCounts(for: size) }
  }
}

extension Session {
  func operationCounts(for size: PictureSize) throws(DetectorError) -> [Stage: Int] {
    let resized = try pictures.resizing(size).size
    let picture = try pictures.plan(images: 1, resizedTo: resized)
    let count = model.blueprint.detection.proposals.counts.afterNMS
    let heads = try rois.plans(proposals: count, map: roiMap(of: picture))
    var counts: [Stage: Int] = [:]
    for step in picture.steps { counts[step.stage, default: 0] += step.operationCount }
    counts[.head] = heads.reduce(0) { sum, head in
      sum + head.plan.steps.reduce(0) { $0 + $1.operationCount } * head.runs
    }
    return counts
  }

  /// The map that RoIs are pooled from, as a plan makes it; `nil` where there are several.
  func roiMap(of picture: Plan) -> ChannelLayout? {
    let levels = model.networks.roiLevels
    return levels.count == 1 ? picture.outputLayouts[levels.lowerBound].channelLayout : nil
  }
}

extension Plan.Step {
  /// The stage that a step of a picture's plan belongs to.
  var stage: Stage { name.hasPrefix(PictureStage.proposalPrefix) ? .rpn : .backbone }
}
