internal import Detection
internal import Families
internal import Tensors

/// From the RPN's outputs to the proposals of each picture.
final class ProposalStage {
  private let levels: [AnchorLevel]
  private let usual: ProposalSettings
  private var creator: ProposalCreator
  private var grids: RecentValues<AnchorGrid>

  /// The proposals of the last run.
  private(set) var proposals = RegionProposals()

  init(_ profile: DetectionProfile, options: Detector.Options) {
    levels = profile.levels
    usual = profile.proposals
    creator = ProposalCreator(settings: profile.proposals, coder: profile.coder)
    grids = RecentValues(capacity: options.keptPlans * max(profile.levels.count, 1))
  }

  /// Finds the proposals of every picture.
  ///
  /// - Throws: `DetectorError.notFinite` where a picture's outputs hold no finite number: a network
  ///   that says NaN finds nothing, and to answer "nothing found" would be a lie.
  func propose(_ pictureOutputs: PictureOutputs, _ settings: ProposalSettings) throws(DetectorError)
  {
    creator.settings = settings
    proposals.removeAll()
    let grids = grids(of: pictureOutputs)
    for image in 0..<pictureOutputs.imageCount {
      creator.begin(pictureOutputs.geometry.frame)
      var isFinite = false
      for (level, grid) in grids.enumerated() {
        let (offsets, scores) = unsafe (
          pictureOutputs.offsets(image: image, level: level),
          pictureOutputs.scores(image: image, level: level)
        )
        isFinite =
          unsafe isFinite
          || (scores.contains(where: \.isFinite) && offsets.contains(where: \.isFinite))
        // Safety: the spans end before the outputs do.
        unsafe creator.add(
          offsets: Span(_unsafeElements: offsets), scores: Span(_unsafeElements: scores),
          grid: grid)
      }
      guard isFinite else { throw .notFinite }
      creator.finish(image: image, into: &proposals)
    }
  }

  /// What the RPN said of one picture, copied.
  func evidence(_ pictureOutputs: PictureOutputs, image: Int) -> [ProposalEvidence] {
    grids(of: pictureOutputs).enumerated().map { level, grid in
      unsafe ProposalEvidence(
        grid: grid, offsets: Array(pictureOutputs.offsets(image: image, level: level)),
        scores: Array(pictureOutputs.scores(image: image, level: level)))
    }
  }

  private func grids(of pictureOutputs: PictureOutputs) -> [AnchorGrid] {
    let input = pictureOutputs.geometry.input
    return zip(levels, pictureOutputs.maps).enumerated().map { number, pair in
      let (level, layout) = (pair.0, pair.1.layout)
      return grids.value(
        for: [number, layout.height, layout.width, input.height, input.width]
      ) {
        level.grid(
          height: layout.height, width: layout.width, inputHeight: input.height,
          inputWidth: input.width)
      }
    }
  }

  /// The model's settings with what a request wants otherwise.
  func settings(_ parameters: DetectionParameters) -> ProposalSettings {
    var settings = usual
    if let count = parameters.proposalCountBeforeNMS { settings.counts.beforeNMS = count }
    if let count = parameters.proposalCountAfterNMS { settings.counts.afterNMS = count }
    if let threshold = parameters.proposalNMSThreshold { settings.nms.iouThreshold = threshold }
    if let length = parameters.proposalMinimumSide {
      var side = settings.minimumSide ?? MinimumSide(length: length, scalesWithImage: true)
      side.length = length
      settings.minimumSide = side
    }
    return settings
  }
}
