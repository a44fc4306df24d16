internal import Compute
internal import Detection
internal import Families
internal import Images
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
    let resized = try resizing(size).size
    let backbone = try backbonePlan(images: 1, height: resized.height, width: resized.width)
    let rpn = try proposalPlan(backbone.outputLayouts[0])
    let count = model.blueprint.detection.proposals.counts.afterNMS
    let head = try headPlan(images: 1, proposalCount: count, limit: count)
    func sum(_ plan: Plan) -> Int { plan.steps.reduce(0) { $0 + $1.operationCount } }
    return [.backbone: sum(backbone), .rpn: sum(rpn), .head: sum(head)]
  }
}
