internal import Images
public import Datasets
internal import Detection
internal import Dispatch
internal import Synchronization
public import Tensors

/// What is wrong or odd in a set, found before anything is learnt from it.
public struct DatasetCheck: Sendable {
  /// Something that was found.
  public struct Finding: Sendable, Equatable {
    /// What was found, in the order in which it matters.
    public enum Kind: Int, Sendable, CaseIterable {
      /// A picture that cannot be read or decoded; it is left out.
      case unreadable
      /// A box that lies outside its picture, wholly or partly; it is left out or cut.
      case outside
      /// A box that covers nothing, or was turned, or was read otherwise than written.
      case remark
      /// A label that is not in the list of classes; its objects are left out.
      case unknownLabel
      /// A class with no example or few.
      case rareClass
      /// A picture whose size is not the one that its annotation states.
      case otherSize
      /// A picture that was turned or not, against what its EXIF says.
      case turned
      /// A picture that stands in the part to train on and in the one to measure with.
      case inBothParts
      /// Pictures in which nothing is marked: they teach what is background.
      case unmarked
    }

    /// What was found.
    public var kind: Kind

    /// One sentence, with the file where it concerns one.
    public var text: String

    /// Makes a finding.
    public init(_ kind: Kind, _ text: String) {
      self.kind = kind
      self.text = text
    }
  }

  /// What was found, by kind and then in the order of the pictures.
  public private(set) var findings: [Finding] = []

  /// The pictures that can be used, in their order.
  public private(set) var usable: [AnnotatedPicture] = []

  /// The number of objects of each class that are trained on.
  public private(set) var objectCounts: [Int]

  /// The sizes of the usable pictures, and how many there are of each.
  public private(set) var sizes: [PictureSize: Int] = [:]

  /// The side of a square of each object's area, in pixels of its picture, which has this size.
  public private(set) var objectSides: [(side: Float, picture: PictureSize)] = []

  /// Below how many examples a class is called rare.
  public static let rareCount = 2

  /// How a picture came out.
  private struct Verdict: Sendable {
    var findings: [Finding] = []
    var size: PictureSize?
    var classIDs: [Int] = []
    var sides: [Float] = []
    var unknownLabels: [String] = []
  }

  /// Reads and decodes every picture, on several cores at once.
  ///
  /// - Parameters:
  ///   - set: the pictures.
  ///   - remarks: what was noticed when the annotations were read.
  ///   - progress: told how many are done, one call at a time, from any thread.
  public init(
    _ set: AnnotatedSet, remarks: [DatasetRemark] = [],
    progress: @Sendable (_ done: Int) -> Void = { _ in }
  ) {
    objectCounts = Array(repeating: 0, count: set.labels.count)
    let state = Mutex((verdicts: [Verdict?](repeating: nil, count: set.count), done: 0))
    DispatchQueue.concurrentPerform(iterations: set.count) { index in
      let verdict = Self.verdict(on: set.pictures[index], in: set)
      state.withLock { state in
        state.verdicts[index] = verdict
        state.done += 1
        progress(state.done)
      }
    }
    let verdicts = state.withLock { $0.verdicts }
    var unknown: [String: Int] = [:]
    var unmarked: [String] = []
    for (picture, verdict) in zip(set.pictures, verdicts) {
      guard let verdict else { continue }
      findings += verdict.findings
      guard let size = verdict.size else { continue }
      usable.append(picture)
      sizes[size, default: 0] += 1
      for classID in verdict.classIDs { objectCounts[classID] += 1 }
      objectSides += verdict.sides.map { (side: $0, picture: size) }
      for label in verdict.unknownLabels { unknown[label, default: 0] += 1 }
      if verdict.classIDs.isEmpty { unmarked.append(picture.path) }
    }
    findings += remarks.map { Finding(.remark, $0.description) }
    for (label, count) in unknown.sorted(by: { $0.key < $1.key }) {
      findings.append(
        Finding(
          .unknownLabel,
          "\(count) objects are called \(label), which is not in the list of classes: left out"))
    }
    for (label, count) in zip(set.labels, objectCounts) where count < Self.rareCount {
      findings.append(
        Finding(
          .rareClass,
          "the class \(label) has \(count == 0 ? "no example" : "one example"): "
            + "it will hardly be learnt"))
    }
    if !unmarked.isEmpty, unmarked.count < usable.count {
      findings.append(
        Finding(
          .unmarked,
          "\(unmarked.count) of \(usable.count) pictures mark no object and are taken for plain "
            + "background, as \(unmarked[0])"))
    }
    sort()
  }

  /// Takes over what was found elsewhere, as in the part to measure with.
  public mutating func add(_ others: [Finding]) {
    findings += others
    sort()
  }

  /// Says which pictures of another part are trained on too.
  public mutating func note(otherPart: [AnnotatedPicture]) {
    let paths = Set(usable.map(\.path))
    for picture in otherPart where paths.contains(picture.path) {
      findings.append(
        Finding(
          .inBothParts,
          "\(picture.path) is trained on and measured with: the figures will flatter"))
    }
    sort()
  }

  /// Whether there is anything to learn.
  public var hasObjects: Bool { objectCounts.contains { $0 > 0 } }

  private mutating func sort() {
    findings = findings.enumerated()
      .sorted { ($0.element.kind.rawValue, $0.offset) < ($1.element.kind.rawValue, $1.offset) }
      .map(\.element)
  }

  private static func verdict(on picture: AnnotatedPicture, in set: AnnotatedSet) -> Verdict {
    var verdict = Verdict()
    let reading: AnnotatedPictureReader.Reading
    do throws(TrainingSetError) {
      reading = try set.reader.read(picture)
    } catch {
      verdict.findings.append(Finding(.unreadable, "\(error): left out"))
      return verdict
    }
    let size = reading.image.size
    verdict.size = size
    func found(_ kind: Finding.Kind, _ text: String) {
      verdict.findings.append(Finding(kind, "\(picture.path): \(text)"))
    }
    for mark in picture.objects(in: size) {
      guard let classID = set.classID(of: mark.label) else {
        verdict.unknownLabels.append(mark.label)
        continue
      }
      let clipped = mark.box.clipped(to: size)
      let name = "a box of \(mark.label) at \(mark.box.text)"
      guard clipped.width > 0, clipped.height > 0 else {
        found(.outside, "\(name) lies outside the picture of \(size.text): left out")
        continue
      }
      // Half a pixel over the edge is what rounding leaves.
      if !mark.box.isNear(clipped, within: 1) {
        found(.outside, "\(name) crosses the edge of the picture of \(size.text): cut")
      }
      guard !mark.isDifficult, !mark.isCrowd else { continue }
      verdict.classIDs.append(classID)
      verdict.sides.append((clipped.width * clipped.height).squareRoot())
    }
    if let stated = picture.statedSize, stated != size {
      found(
        .otherSize, "the picture has \(size.text) pixels, its annotation states \(stated.text)")
    }
    if reading.isLeftUnturned {
      found(.turned, "not turned as its EXIF says: its annotation is of the stored picture")
    } else if reading.isTurned {
      found(
        .turned,
        "turned as its EXIF says; where boxes are of the stored picture, give --orientation ignore")
    }
    return verdict
  }
}

extension BoundingBox {
  /// The edges for people, x first.
  fileprivate var text: String {
    func short(_ value: Float) -> String {
      value == value.rounded() && abs(value) < 1e7 ? "\(Int(value))" : "\(value)"
    }
    return "(\(short(xMin)), \(short(yMin)), \(short(xMax)), \(short(yMax)))"
  }

  fileprivate func isNear(_ other: BoundingBox, within distance: Float) -> Bool {
    abs(xMin - other.xMin) <= distance && abs(xMax - other.xMax) <= distance
      && abs(yMin - other.yMin) <= distance && abs(yMax - other.yMax) <= distance
  }
}

extension PictureSize {
  /// The size for people, the width first.
  fileprivate var text: String { "\(width)x\(height)" }
}
