/// Turns the outputs of the region proposal network into proposals.
///
/// Ren et al. 2015, section 3.3; `ProposalCreator` of notes 001 and 004. For each picture: decode
/// the offsets, clip to the picture, drop small boxes, take the best, thin them by non-maximum
/// suppression, take the best of what is left. Fewer come out where fewer candidates are left.
///
/// Shapes: N pictures, a feature map of H x W cells, A anchors in a cell. With a feature pyramid the
/// maps of a picture follow each other, all but the last step are taken for each map alone, and the
/// last one over all of them by probability, as in torchvision.
///
/// A candidate with an offset or a logit that is NaN or infinite is dropped, and so is one whose
/// box is not a number; a side that overflows reaches the picture's edges. So no box of the result
/// is ever anything but finite and inside the picture.
public struct ProposalCreator: Sendable {
  /// What is done, and in which order.
  public var settings: ProposalSettings

  /// Makes a creator.
  public init(settings: ProposalSettings) {
    self.settings = settings
  }

  /// Finds the proposals of a batch.
  ///
  /// - Parameters:
  ///   - offsets: [N, H, W, A x 4], channels last.
  ///   - scores: [N, H, W, A x 2] or [N, H, W, A], channels last, raw logits.
  ///   - grids: the anchors of each feature map, one unless there is a feature pyramid.
  ///   - frames: the size and scale of each picture, N of them.
  /// - Returns: the proposals of all pictures, those of the first picture first.
  public func propose(
    offsets: Span<Float>, scores: Span<Float>, grids: [AnchorGrid], frames: [ImageFrame]
  ) -> RegionProposals {
    var workspace = ProposalWorkspace()
    var proposals = RegionProposals()
    propose(
      offsets: offsets, scores: scores, grids: grids, frames: frames, workspace: &workspace,
      into: &proposals)
    return proposals
  }

  /// Finds the proposals of a batch and writes them over `proposals`.
  ///
  /// Allocates nothing where workspace and proposals come from a call that was as large. Traps
  /// where the counts of offsets or scores do not fit the grids and the number of frames.
  ///
  /// - Parameters:
  ///   - offsets: [N, H, W, A x 4], channels last.
  ///   - scores: [N, H, W, A x 2] or [N, H, W, A], channels last, raw logits.
  ///   - grids: the anchors of each feature map, one unless there is a feature pyramid.
  ///   - frames: the size and scale of each picture, N of them.
  ///   - workspace: memory that is kept from call to call.
  ///   - proposals: the result.
  public func propose(
    offsets: Span<Float>, scores: Span<Float>, grids: [AnchorGrid], frames: [ImageFrame],
    workspace: inout ProposalWorkspace, into proposals: inout RegionProposals
  ) {
    let anchorCount = grids.reduce(0) { $0 + $1.anchors.count }
    let channels = settings.objectnessLayout.channelsPerAnchor
    precondition(
      offsets.count == frames.count * anchorCount * 4,
      "\(offsets.count) offsets do not fit \(frames.count) pictures of \(anchorCount) anchors")
    precondition(
      scores.count == frames.count * anchorCount * channels,
      "\(scores.count) scores do not fit \(frames.count) pictures of \(anchorCount) anchors")
    proposals.removeAll()
    var first = 0
    for (image, frame) in frames.enumerated() {
      let start = proposals.count
      var firstOfImage = 0
      for grid in grids {
        let end = first + grid.anchors.count
        propose(
          offsets: offsets.extracting(4 * first..<4 * end),
          scores: scores.extracting(channels * first..<channels * end), grid: grid,
          firstAnchor: firstOfImage, frame: frame, image: image, workspace: &workspace,
          into: &proposals)
        first = end
        firstOfImage += grid.anchors.count
      }
      if grids.count > 1 {
        workspace.merge(&proposals, from: start, limit: settings.counts.afterNMS)
      }
    }
  }

  /// Appends the proposals of one feature map of one picture.
  private func propose(
    offsets: Span<Float>, scores: Span<Float>, grid: AnchorGrid, firstAnchor: Int,
    frame: ImageFrame, image: Int, workspace: inout ProposalWorkspace,
    into proposals: inout RegionProposals
  ) {
    let count = grid.anchors.count
    guard count > 0 else { return }
    let objectness = ObjectnessReader(
      layout: settings.objectnessLayout, anchorsPerCell: grid.anchorsPerCell)
    objectness.writeKeys(of: scores, ranking: settings.ranking, into: &workspace.suppression.keys)
    switch settings.stepOrder {
    case .filterThenRank:
      workspace.decode(offsets, grid: grid, frame: frame, settings: settings)
      workspace.suppression.rankKeys(count: count, limit: settings.counts.beforeNMS)
    case .rankThenFilter:
      workspace.suppression.rankKeys(count: count, limit: settings.counts.beforeNMS)
      workspace.decode(offsets, grid: grid, frame: frame, settings: settings)
      workspace.suppression.removeDropped()
    }
    workspace.suppression.suppress(
      workspace.boxes, settings.nms, maximumCount: settings.counts.afterNMS)
    for index in workspace.suppression.kept {
      let anchor = Int(index)
      proposals.boxes.append(workspace.boxes[anchor])
      proposals.objectness.append(objectness.probability(ofAnchor: anchor, in: scores))
      proposals.anchorIndices.append(firstAnchor + anchor)
      proposals.imageIndices.append(image)
    }
  }
}
