/// How the RPN's score map is laid out; A is the number of anchors in a cell.
public enum ObjectnessLayout: Sendable, Hashable {
  /// 2A channels: background and foreground logit of each anchor in turn.
  case interleavedPairs
  /// 2A channels: A background logits, then A foreground logits.
  case blockedPairs
  /// A channels: one logit for each anchor, whose sigmoid is the objectness.
  case single

  /// The number of channels of the score map for each anchor.
  public var channelsPerAnchor: Int {
    switch self {
    case .interleavedPairs, .blockedPairs: 2
    case .single: 1
    }
  }
}
