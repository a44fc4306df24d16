import CDetectionKernels

/// The memory of ProposalCreator, kept from call to call; it grows with the largest feature map.
///
/// 64 bytes an anchor, 1.3 MB for the 20,646 anchors of a 600 x 1000 picture.
public struct ProposalWorkspace: Sendable {
  /// The decoded and clipped box of each anchor of one picture.
  var boxes: [BoundingBox] = []
  var suppression = SuppressionWorkspace()
  private var unmerged = RegionProposals()

  /// Makes an empty workspace, which grows with its first use.
  public init() {}

  /// Decodes and clips the box of each anchor, and sets the key of each that is dropped to 0.
  mutating func decode(
    _ offsets: Span<Float>, grid: AnchorGrid, frame: ImageFrame, settings: ProposalSettings
  ) {
    let count = grid.anchors.count
    precondition(offsets.count == 4 * count, "\(offsets.count) offsets for \(count) anchors")
    precondition(
      suppression.keys.count >= count, "\(suppression.keys.count) keys for \(count) anchors")
    boxes.grow(to: count, filling: BoundingBox(yMin: 0, xMin: 0, yMax: 0, xMax: 0))
    var how = detection_decoding(
      xyxy: settings.offsetOrder == .xyxy ? 1 : 0,
      side_extra: settings.coder.sides.extra,
      maximum_log_scale: settings.coder.maximumLogScale ?? .infinity,
      y_limit: settings.clipping.limit(frame.height),
      x_limit: settings.clipping.limit(frame.width),
      minimum_side: settings.minimumSide?.bound(scale: frame.xScale) ?? -.infinity)
    // Safety: the kernel reads 4 x count floats of anchors and of offsets, and writes 4 x count
    // floats of boxes and count keys; each count was checked or grown above.
    unsafe grid.anchors.withUnsafeFloats { anchors in
      unsafe offsets.withUnsafeBufferPointer { offsets in
        unsafe boxes.withUnsafeMutableFloats { boxes in
          unsafe suppression.keys.withUnsafeMutableBufferPointer { keys in
            unsafe detection_decode(
              anchors.baseAddress, offsets.baseAddress, count, &how, boxes.baseAddress,
              keys.baseAddress)
          }
        }
      }
    }
  }

  /// Keeps of the proposals from `start` on the most probable ones, best first, ties in order.
  mutating func merge(_ proposals: inout RegionProposals, from start: Int, limit: Int) {
    unmerged.removeAll()
    for index in start..<proposals.count { unmerged.append(proposals, index) }
    suppression.rank(unmerged.boxes, scores: unmerged.objectness)
    proposals.removeAll(from: start)
    for index in suppression.ranking.order.prefix(max(limit, 0)) {
      proposals.append(unmerged, Int(index))
    }
  }
}
