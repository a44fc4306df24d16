public import Detection

/// Detections held against ground truth by the rules of COCO, picture by picture.
///
/// In each picture the hundred best detections of a class, the most confident first, take the free object
/// that they overlap most, if by at least the threshold; for ten thresholds from 0.5 to 0.95. Objects that
/// do not count (crowds, difficult ones, of another size than is asked for) are taken last, and what takes
/// one counts neither way; a crowd can be taken again and again, and overlaps by the part of the detection that
/// lies in it. Precision is read at 101 steps of recall.
///
/// Source: pycocotools 2.0, `COCOeval` for boxes; its figures are reproduced (see the tests).
public struct COCOEvaluation: Sendable {
  /// An object that a person marked.
  public struct Object: Sendable {
    /// The box, in pixels of the picture.
    public var box: BoundingBox
    /// The class, counted from 0.
    public var classID: Int
    /// Whether the box stands for a crowd.
    public var isCrowd: Bool
    /// Whether finding it counts neither way.
    public var isIgnored: Bool
    /// What counts as its area, in pixels.
    public var area: Double

    /// Makes an object; its area is the box's unless another is given.
    public init(
      box: BoundingBox, classID: Int, isCrowd: Bool = false, isIgnored: Bool = false,
      area: Float? = nil
    ) {
      self.box = box
      self.classID = classID
      self.isCrowd = isCrowd
      self.isIgnored = isIgnored || isCrowd
      self.area = area.map(Double.init) ?? Double(box.width) * Double(box.height)
    }
  }

  /// Which objects count, by their areas.
  public enum SizeRange: String, Sendable, CaseIterable {
    case all, small, medium, large

    fileprivate var areas: ClosedRange<Double> {
      switch self {
      case .all: 0...1e10
      case .small: 0...1024
      case .medium: 1024...9216
      case .large: 9216...1e10
      }
    }
  }

  /// The overlaps from which on a detection may be right: 0.5, 0.55, ..., 0.95.
  public static let thresholds: [Double] = (0..<10).map { 0.5 + 0.05 * Double($0) }

  /// The most detections of a class in a picture that are looked at.
  public static let maximumDetections = 100

  /// What became of one detection at each threshold.
  private struct Verdict {
    var score: Float
    var isMatched: [Bool]
    var isIgnored: [Bool]
  }

  private struct Tally {
    var verdicts: [Verdict] = []
    var objectCount = 0
  }

  /// For each class and size, in the order of `SizeRange.allCases`.
  private var tallies: [[Tally]]

  /// Starts an evaluation of so many classes.
  public init(classCount: Int) {
    tallies = Array(
      repeating: Array(repeating: Tally(), count: SizeRange.allCases.count), count: classCount)
  }

  /// Adds a picture.
  public mutating func add(detections: [ScoredBox], objects: [Object]) {
    let objects = Dictionary(grouping: objects, by: \.classID)
    let detections = Dictionary(grouping: detections, by: \.classID)
    for classID in Set(objects.keys).union(detections.keys) {
      let best = Array(
        byFallingScore(detections[classID] ?? [], \.score).prefix(Self.maximumDetections))
      let marked = objects[classID] ?? []
      for (index, range) in SizeRange.allCases.enumerated() {
        tallies[classID][index].objectCount += marked.count {
          !$0.isIgnored && range.areas.contains($0.area)
        }
        tallies[classID][index].verdicts += Self.judge(best, marked, range.areas)
      }
    }
  }

  private static func judge(
    _ detections: [ScoredBox], _ marked: [Object], _ areas: ClosedRange<Double>
  ) -> [Verdict] {
    func isIgnored(_ object: Object) -> Bool { object.isIgnored || !areas.contains(object.area) }
    // Those that count come first, otherwise in the order of the file.
    let objects = marked.filter { !isIgnored($0) } + marked.filter(isIgnored)
    let firstIgnored = marked.count { !isIgnored($0) }
    let overlaps = detections.map { detection in
      objects.map { overlap(detection.box, $0.box, isCrowd: $0.isCrowd) }
    }
    var verdicts = detections.map {
      Verdict(
        score: $0.score, isMatched: Array(repeating: false, count: thresholds.count),
        isIgnored: Array(repeating: false, count: thresholds.count))
    }
    for (step, threshold) in thresholds.enumerated() {
      var isTaken = [Bool](repeating: false, count: objects.count)
      for index in detections.indices {
        var best = min(threshold, 1 - 1e-10)
        var match: Int?
        for place in objects.indices where !isTaken[place] || objects[place].isCrowd {
          // An object that counts is not given up for one that does not.
          if let match, match < firstIgnored, place >= firstIgnored { break }
          guard overlaps[index][place] >= best else { continue }
          (best, match) = (overlaps[index][place], place)
        }
        if let match {
          isTaken[match] = true
          verdicts[index].isMatched[step] = true
          verdicts[index].isIgnored[step] = match >= firstIgnored
        } else {
          let box = detections[index].box
          let area = Double(box.width) * Double(box.height)
          verdicts[index].isIgnored[step] = !areas.contains(area)
        }
      }
    }
    return verdicts
  }

  /// Intersection over union; with a crowd, over the detection's own area.
  private static func overlap(
    _ detection: BoundingBox, _ object: BoundingBox, isCrowd: Bool
  ) -> Double {
    let width =
      min(Double(detection.xMax), Double(object.xMax))
      - max(Double(detection.xMin), Double(object.xMin))
    let height =
      min(Double(detection.yMax), Double(object.yMax))
      - max(Double(detection.yMin), Double(object.yMin))
    guard width > 0, height > 0 else { return 0 }
    let area = Double(detection.width) * Double(detection.height)
    let union =
      isCrowd ? area : area + Double(object.width) * Double(object.height) - width * height
    return width * height / union
  }

  // MARK: Figures

  /// The mean over classes of the average precision.
  ///
  /// - Parameters:
  ///   - threshold: the place of one threshold in `thresholds`, or `nil` for the mean over all.
  ///   - size: which objects count.
  /// - Returns: a part of one; `nil` where no object counts.
  public func meanAveragePrecision(
    threshold: Int? = nil, size: SizeRange = .all
  ) -> Double? {
    mean(tallies.indices.map { averagePrecision(classID: $0, threshold: threshold, size: size) })
  }

  /// The average precision of one class; `nil` where none of its objects counts.
  public func averagePrecision(
    classID: Int, threshold: Int? = nil, size: SizeRange = .all
  ) -> Double? {
    guard let tally = tally(classID, size), tally.objectCount > 0 else { return nil }
    let verdicts = byFallingScore(tally.verdicts, \.score)
    let steps = threshold.map { [$0] } ?? Array(Self.thresholds.indices)
    let values = steps.map { precision(verdicts, tally.objectCount, step: $0) }
    return values.reduce(0, +) / Double(values.count)
  }

  /// The mean over classes and thresholds of the share of objects that were found.
  public func meanAverageRecall(size: SizeRange = .all) -> Double? {
    mean(
      tallies.indices.map { classID in
        guard let tally = tally(classID, size), tally.objectCount > 0 else { return nil }
        let found = Self.thresholds.indices.map { step in
          tally.verdicts.count { $0.isMatched[step] && !$0.isIgnored[step] }
        }
        return Double(found.reduce(0, +)) / Double(tally.objectCount * found.count)
      })
  }

  private func tally(_ classID: Int, _ size: SizeRange) -> Tally? {
    SizeRange.allCases.firstIndex(of: size).map { tallies[classID][$0] }
  }

  private func mean(_ values: [Double?]) -> Double? {
    let values = values.compactMap { $0 }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// The mean of the best precision at recall of at least 0, 0.01, ..., 1.
  private func precision(_ verdicts: [Verdict], _ objectCount: Int, step: Int) -> Double {
    var (right, wrong) = (0, 0)
    var recalls: [Double] = []
    var envelope: [Double] = []
    for verdict in verdicts where !verdict.isIgnored[step] {
      if verdict.isMatched[step] { right += 1 } else { wrong += 1 }
      recalls.append(Double(right) / Double(objectCount))
      envelope.append(Double(right) / (Double(right + wrong) + Double.ulpOfOne))
    }
    for place in envelope.indices.dropLast().reversed() {
      envelope[place] = max(envelope[place], envelope[place + 1])
    }
    var sum = 0.0
    var place = 0
    for percent in 0...100 {
      // As numpy.linspace(0, 1, 101) has them.
      let recall = Double(percent) * 0.01
      while place < recalls.count, recalls[place] < recall { place += 1 }
      guard place < recalls.count else { break }
      sum += envelope[place]
    }
    return sum / 101
  }
}
