import CDetectionKernels

/// Turns the outputs of the region proposal network into proposals.
///
/// Ren et al. 2015, section 3.3; `ProposalCreator` of notes 001 and 004. For each picture: decode
/// the offsets, clip to the picture, drop small boxes, take the best, thin them by non-maximum
/// suppression, take the best of what is left. Fewer come out where fewer candidates are left.
///
/// Shapes: N pictures, a feature map of H x W cells, A anchors in a cell.
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
  ///   - grid: the anchors of the feature map.
  ///   - frames: the size and scale of each picture, N of them.
  /// - Returns: the proposals of all pictures, those of the first picture first.
  public func propose(
    offsets: Span<Float>, scores: Span<Float>, grid: AnchorGrid, frames: [ImageFrame]
  ) -> RegionProposals {
    var workspace = ProposalWorkspace()
    var proposals = RegionProposals()
    propose(
      offsets: offsets, scores: scores, grid: grid, frames: frames, workspace: &workspace,
      into: &proposals)
    return proposals
  }

  /// The proposals of a batch, written over `proposals`.
  ///
  /// Allocates nothing where workspace and proposals come from a call that was as large. Traps
  /// where the counts of offsets or scores do not fit the grid and the number of frames.
  public func propose(
    offsets: Span<Float>, scores: Span<Float>, grid: AnchorGrid, frames: [ImageFrame],
    workspace: inout ProposalWorkspace, into proposals: inout RegionProposals
  ) {
    let anchorCount = grid.anchors.count
    let channels = settings.objectnessLayout.channelsPerAnchor
    precondition(
      offsets.count == frames.count * anchorCount * 4,
      "\(offsets.count) offsets do not fit \(frames.count) pictures of \(anchorCount) anchors")
    precondition(
      scores.count == frames.count * anchorCount * channels,
      "\(scores.count) scores do not fit \(frames.count) pictures of \(anchorCount) anchors")
    proposals.removeAll()
    guard anchorCount > 0 else { return }
    for (image, frame) in frames.enumerated() {
      let first = image * anchorCount
      propose(
        offsets: offsets.extracting(4 * first..<4 * (first + anchorCount)),
        scores: scores.extracting(channels * first..<channels * (first + anchorCount)),
        grid: grid, frame: frame, image: image, workspace: &workspace, into: &proposals)
    }
  }

  private func propose(
    offsets: Span<Float>, scores: Span<Float>, grid: AnchorGrid, frame: ImageFrame, image: Int,
    workspace: inout ProposalWorkspace, into proposals: inout RegionProposals
  ) {
    let objectness = ObjectnessReader(
      layout: settings.objectnessLayout, anchorsPerCell: grid.anchorsPerCell)
    objectness.writeKeys(of: scores, ranking: settings.ranking, into: &workspace.suppression.keys)
    switch settings.stepOrder {
    case .filterThenRank:
      workspace.decode(offsets, grid: grid, frame: frame, settings: settings)
      workspace.suppression.rankKeys(
        count: grid.anchors.count, limit: settings.counts.beforeNMS)
    case .rankThenFilter:
      workspace.suppression.rankKeys(
        count: grid.anchors.count, limit: settings.counts.beforeNMS)
      workspace.decode(offsets, grid: grid, frame: frame, settings: settings)
      workspace.suppression.removeDropped()
    }
    workspace.suppression.suppress(
      workspace.boxes, settings.nms, maximumCount: settings.counts.afterNMS)
    for index in workspace.suppression.kept {
      let anchor = Int(index)
      proposals.boxes.append(workspace.boxes[anchor])
      proposals.objectness.append(objectness.probability(ofAnchor: anchor, in: scores))
      proposals.anchorIndices.append(anchor)
      proposals.imageIndices.append(image)
    }
  }
}
