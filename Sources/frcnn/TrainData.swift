import Datasets
import Detection
import Tensors
import TrainingData

/// The pictures of a training: read, checked and divided.
struct TrainData {
  /// The pictures to train on.
  var set: AnnotatedSet
  /// The pictures to measure with; empty where there are none.
  var heldBack: AnnotatedSet
  /// How both were chosen, in words.
  var division: String
  /// What was found in them.
  var check: DatasetCheck

  /// A name for the pictures that changes with them: their number and a sum of their paths.
  var fingerprint: String {
    let sum = (set.pictures + heldBack.pictures).reduce(UInt64(0)) { sum, picture in
      picture.path.utf8.reduce(sum &* 31 &+ 17) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
    return "\(set.count) and \(heldBack.count) pictures, \(String(sum, radix: 16))"
  }
}

/// A dataset that was opened and divided, before its pictures are looked at.
struct DividedDataset {
  var labels: [String]
  var root: String
  var training: [AnnotatedPicture]
  var heldBack: [AnnotatedPicture]
  var remarks: [DatasetRemark]
  var division: String
}

extension TrainCommand {
  /// Opens the set and divides it.
  func openDataset() throws(Failure) -> DividedDataset {
    let seed = UInt64(try TrainSettings.seed.value(flag: learning.seed))
    let wanted = try TrainSettings.split.value(flag: data.split)
    let (dataset, root) = try open(wanted, usual: Dataset.Options.trainingSplits)
    var result = DividedDataset(
      labels: dataset.labels, root: root, training: dataset.pictures, heldBack: [],
      remarks: dataset.remarks, division: "")
    let part = dataset.split.map { "the part \($0)" } ?? "the whole set"
    let share = try TrainSettings.validationShare.value(flag: data.validationShare)
    var name = try TrainSettings.validationSplit.value(flag: data.validationSplit)
    if name == nil, share == nil, dataset.split != "trainval" {
      let others = dataset.splits.filter { $0 != dataset.split }
      name = Dataset.split(named: Dataset.Options.validationSplits, in: others)
    }
    if let name, share == nil {
      let (other, _) = try open(name, usual: [])
      result.heldBack = other.pictures
      result.remarks += other.remarks
      result.labels += other.labels.filter { !result.labels.contains($0) }
      result.division = "trained on \(part), measured on the part \(other.split ?? name)"
    } else {
      let share = share ?? 0.1
      (result.training, result.heldBack) = HeldBackShare.divide(
        dataset.pictures, share: share, seed: seed)
      result.division =
        result.heldBack.isEmpty
        ? "trained on \(part), measured on nothing"
        : "trained on \(part) but for \(result.heldBack.count) pictures, which are measured on"
    }
    return result
  }

  private func open(
    _ split: String?, usual: [String]
  ) throws(Failure) -> (dataset: Dataset, root: String) {
    do {
      return try Dataset.open(
        folder,
        options: Dataset.Options(
          split: split, origin: VOCAnnotation.Origin(rawValue: data.firstPixel) ?? .zero,
          countsLastPixel: data.lastPixel, usualSplits: usual))
    } catch {
      throw Failure(
        error.isMissingInput ? .missingInput : .brokenInput, "\(folder)/\(error)".printable)
    }
  }

  /// Reads every picture once, and tells all that is wrong in one list.
  func check(_ dataset: DividedDataset, labels: [String]) throws(Failure) -> TrainData {
    let reader = AnnotatedPictureReader(
      root: dataset.root,
      turning: try TrainSettings.orientation.value(flag: data.orientation))
    let training = AnnotatedSet(pictures: dataset.training, labels: labels, reader: reader)
    let total = dataset.training.count + dataset.heldBack.count
    let bar = SharedBar("checking", total: total)
    var check = DatasetCheck(training, remarks: dataset.remarks) { bar.show($0) }
    let other = DatasetCheck(training.with(dataset.heldBack)) {
      bar.show(dataset.training.count + $0)
    }
    bar.finish()
    check.note(otherPart: other.usable)
    check.add(other.findings.filter { $0.kind != .rareClass && $0.kind != .unmarked })
    tell(check.findings)
    guard !check.usable.isEmpty else {
      throw Failure(
        .brokenInput, "\(folder): none of the \(dataset.training.count) pictures can be used")
    }
    guard check.hasObjects else {
      throw Failure(
        .brokenInput,
        "\(folder): the \(check.usable.count) pictures to train on mark no object of "
          + labels.joined(separator: ", ").printable)
    }
    return TrainData(
      set: training.with(check.usable), heldBack: training.with(other.usable),
      division: dataset.division, check: check)
  }

  /// The list of what was found: a few of each kind.
  private func tell(_ findings: [DatasetCheck.Finding]) {
    guard !findings.isEmpty else { return }
    var text = "frcnn: before the first step, \(findings.count) things about the pictures:\n"
    for kind in DatasetCheck.Finding.Kind.allCases {
      let found = findings.filter { $0.kind == kind }
      for finding in found.prefix(8) { text += "  \(finding.text.printable)\n" }
      if found.count > 8 { text += "  and \(found.count - 8) more of this kind\n" }
    }
    StandardError.write(text)
  }
}
