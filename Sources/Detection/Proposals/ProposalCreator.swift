/// Turns the outputs of the region proposal network into proposals, a picture at a time.
///
/// Ren et al. 2015, section 3.3. For each feature map of a picture: take the best candidates, decode
/// their offsets, clip to the picture, drop small boxes (or drop first and take then); over all maps:
/// thin each map's candidates by non-maximum suppression and take the best of what is left. Fewer
/// come out where fewer candidates are left.
///
/// ```swift
/// creator.begin(frame)
/// for level in levels { creator.add(offsets: ..., scores: ..., grid: level.grid) }
/// creator.finish(image: 0, into: &proposals)
/// ```
///
/// It owns its memory, and allocates none where a picture before was as large.
///
/// Shapes: a feature map of H x W cells, A anchors in a cell.
///
/// A candidate with an offset or a logit that is NaN or infinite is dropped, and so is one whose
/// box is not a number; a side that overflows reaches the picture's edges. So no box of the result
/// is ever anything but finite and inside the picture.
public struct ProposalCreator: Sendable {
  /// What is done, and in which order.
  public var settings: ProposalSettings

  /// How offsets become boxes.
  public var coder: BoxCoder

  /// Whether candidates that are suppressed are remembered too, for those who ask what became of them.
  var keepsEveryCandidate = false

  private var frame = ImageFrame(height: 0, width: 0, originalHeight: 0, originalWidth: 0)
  private var decoder = CandidateDecoder()
  private var keys: [UInt32] = []
  private var ranking = ScoreRanking()
  /// The candidates of all maps so far, in the order of the boxes in `suppression`: where maps are
  /// thinned at once, the kept ones.
  private(set) var candidates: [Candidate] = []
  private(set) var suppression = GroupSuppression()
  private var levelCount = 0
  private var anchorCount = 0
  private var merged = ScoreRanking()

  /// What is known of a candidate beside its box.
  struct Candidate: Sendable {
    /// An index into the anchors of all maps.
    var anchor: Int
    var objectness: Objectness
  }

  /// Makes a creator.
  public init(settings: ProposalSettings, coder: BoxCoder = BoxCoder()) {
    self.settings = settings
    self.coder = coder
  }

  /// Begins a picture and forgets the one before.
  public mutating func begin(_ frame: ImageFrame) {
    self.frame = frame
    candidates.removeAll(keepingCapacity: true)
    suppression.removeAll()
    levelCount = 0
    anchorCount = 0
  }

  /// Adds the candidates of the picture's next feature map.
  ///
  /// Traps where the counts of offsets or scores do not fit the grid.
  ///
  /// - Parameters:
  ///   - offsets: [H, W, A x 4], channels last.
  ///   - scores: [H, W, A x 2] or [H, W, A], channels last, raw logits.
  ///   - grid: the anchors of the map.
  public mutating func add(offsets: Span<Float>, scores: Span<Float>, grid: AnchorGrid) {
    let count = grid.count
    precondition(
      offsets.count == 4 * count && scores.count == settings.layout.channelsPerAnchor * count,
      "\(offsets.count) offsets and \(scores.count) scores do not fit \(count) anchors")
    if count > 0 {
      let reader = ObjectnessReader(layout: settings.layout, anchorsPerCell: grid.anchorsPerCell)
      let how = decoding
      reader.writeKeys(of: scores, ranking: settings.ranking, into: &keys)
      switch settings.stepOrder {
      case .filterThenRank:
        decoder.decodeAll(offsets, grid: grid, how, keys: &keys)
        ranking.rank(keys, count: count, limit: settings.counts.beforeNMS)
        take(ranking.order, anchors: nil, reader, scores)
      case .rankThenFilter:
        ranking.rank(keys, count: count, limit: settings.counts.beforeNMS)
        decoder.decode(ranking.order, of: offsets, grid: grid, how)
        take(decoder.usable, anchors: ranking.order, reader, scores)
      }
    }
    suppression.endGroup(number: levelCount)
    levelCount += 1
    anchorCount += count
  }

  /// Whether each map is thinned by itself as soon as it is known, so that of its thousands of
  /// candidates nothing but the kept ones is looked up and remembered.
  private var thinsAtOnce: Bool {
    settings.nms.shiftedCount == nil && settings.minimumObjectness == nil && !keepsEveryCandidate
  }

  /// Takes the candidates of a map.
  ///
  /// - Parameters:
  ///   - places: where the decoder has their boxes, best first.
  ///   - anchors: the anchor of each place; `nil` where they are the same.
  ///   - reader: how the scores lie.
  ///   - scores: the logits of the map.
  private mutating func take(
    _ places: [UInt32], anchors: [UInt32]?, _ reader: ObjectnessReader, _ scores: Span<Float>
  ) {
    // What is read of `self` is read here, and not for each candidate.
    let (boxes, first, least) = (decoder.boxes, anchorCount, settings.minimumObjectness)
    func candidate(_ place: UInt32) -> Candidate {
      let anchor = Int(anchors?[Int(place)] ?? place)
      return Candidate(
        anchor: first + anchor, objectness: reader.objectness(ofAnchor: anchor, in: scores))
    }
    if thinsAtOnce {
      let kept = suppression.addThinned(
        boxes, order: places, settings.nms, sides: coder.sides,
        maximumCount: max(settings.counts.afterNMS, 0))
      for place in kept { candidates.append(candidate(place)) }
      return
    }
    candidates.reserveCapacity(candidates.count + places.count)
    suppression.reserveCapacity(places.count)
    for place in places {
      let candidate = candidate(place)
      if let least, candidate.objectness.probability < least { continue }
      candidates.append(candidate)
      suppression.append(boxes[Int(place)])
    }
  }

  /// Appends the proposals of the picture, best first.
  ///
  /// - Parameters:
  ///   - image: The picture's number, which its proposals carry.
  ///   - proposals: Where they are appended.
  public mutating func finish(image: Int = 0, into proposals: inout RegionProposals) {
    let limit = max(settings.counts.afterNMS, 0)
    if !thinsAtOnce {
      suppression.suppress(settings.nms, sides: coder.sides, maximumCount: limit)
    }
    guard levelCount > 1 else {
      for index in suppression.kept { append(index, image, &proposals) }
      return
    }
    // Equal ones in the order of their maps, and of their ranks there.
    keys.grow(to: suppression.kept.count, filling: 0)
    for (place, index) in suppression.kept.enumerated() {
      keys[place] = ScoreRanking.key(
        of: candidates[index].objectness.rankedValue(settings.mergeRanking))
    }
    merged.rank(keys, count: suppression.kept.count, limit: limit)
    for place in merged.order { append(suppression.kept[Int(place)], image, &proposals) }
  }

  /// The proposals of a picture with one feature map.
  public mutating func propose(
    offsets: Span<Float>, scores: Span<Float>, grid: AnchorGrid, frame: ImageFrame
  ) -> RegionProposals {
    var proposals = RegionProposals()
    begin(frame)
    add(offsets: offsets, scores: scores, grid: grid)
    finish(into: &proposals)
    return proposals
  }

  private func append(_ index: Int, _ image: Int, _ proposals: inout RegionProposals) {
    let candidate = candidates[index]
    proposals.append(
      suppression.boxes[index], objectness: candidate.objectness.probability,
      anchor: candidate.anchor, image: image)
  }

  /// How the offsets of the picture become boxes.
  var decoding: CandidateDecoder.Rules {
    CandidateDecoder.Rules(coder: coder, minimumSide: settings.minimumSide, frame: frame)
  }
}
