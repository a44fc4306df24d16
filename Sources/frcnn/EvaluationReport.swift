import Datasets
import Detection
import Evaluation
import FasterRCNN
import JSON
import Tensors

/// What `evaluate` found, as a table for people or as JSON.
struct EvaluationReport {
  private let command: EvaluateCommand
  private let dataset: Dataset
  private let model: ModelDescription
  private let labels: LabelMatch
  private var voc: DetectionEvaluation
  private var coco: COCOEvaluation

  /// Pictures whose size is not the one that their annotations state.
  var otherSizes: [String] = []

  /// Pictures that were turned as their EXIF says, and those that were not because the annotation's
  /// size is that of the stored picture.
  var turned: [String] = []
  var turnedNot: [String] = []

  init(
    command: EvaluateCommand, dataset: Dataset, model: ModelDescription, labels: LabelMatch
  ) {
    self.command = command
    self.dataset = dataset
    self.model = model
    self.labels = labels
    voc = DetectionEvaluation(
      classCount: model.labels.count,
      options: .init(
        iouThreshold: command.iouThreshold, sides: command.lastPixel ? .inclusive : .halfOpen))
    coco = COCOEvaluation(classCount: model.labels.count)
  }

  /// Adds a picture.
  mutating func add(detections: [ScoredBox], objects: [AnnotatedObject]) {
    let known = objects.compactMap { object in
      labels.classIDs[object.label].map { (object: object, classID: $0) }
    }
    if command.metric == .coco {
      coco.add(
        detections: detections,
        objects: known.map { object, classID in
          COCOEvaluation.Object(
            box: object.box, classID: classID, isCrowd: object.isCrowd,
            isIgnored: object.isDifficult, area: object.area)
        })
    }
    voc.add(
      detections: detections,
      groundTruth: known.map { object, classID in
        GroundTruthObject(
          box: object.box, classID: classID, isDifficult: object.isDifficult || object.isCrowd)
      })
  }

  // MARK: Words

  /// What a person should know before believing the figures.
  var notes: [String] {
    var notes = dataset.remarks.prefix(10).map(\.description)
    if dataset.remarks.count > 10 {
      notes.append("and \(dataset.remarks.count - 10) more of the kind")
    }
    notes += few(otherSizes, "")
    notes += few(
      turnedNot, " was not turned as its EXIF says: its annotation is of the stored picture")
    notes += few(
      turned,
      " was turned as its EXIF says; where boxes are of the stored picture, give "
        + "--orientation ignore")
    return notes
  }

  private func few(_ items: [String], _ words: String) -> [String] {
    items.prefix(3).map { $0 + words }
      + (items.count > 3 ? ["and \(items.count - 3) more pictures of the kind"] : [])
  }

  /// The figures in columns.
  var table: String {
    func text(_ value: Double?) -> String { value?.fixed(4) ?? "-" }
    let summary = "\(dataset.pictures.count) pictures"
    if command.metric == .coco {
      var table = TextTable([
        ("class", .left), ("AP", .right), ("AP50", .right), ("AP75", .right), ("small", .right),
        ("medium", .right), ("large", .right),
      ])
      for (classID, label) in model.labels.enumerated() {
        table.add(
          [
            label.printable, text(coco.averagePrecision(classID: classID)),
            text(coco.averagePrecision(classID: classID, threshold: 0)),
            text(coco.averagePrecision(classID: classID, threshold: 5)),
          ]
            + [.small, .medium, .large].map {
              text(coco.averagePrecision(classID: classID, size: $0))
            })
      }
      table.add(
        [
          "mean", text(coco.meanAveragePrecision()), text(coco.meanAveragePrecision(threshold: 0)),
          text(coco.meanAveragePrecision(threshold: 5)),
        ] + [.small, .medium, .large].map { text(coco.meanAveragePrecision(size: $0)) })
      table.add(
        ["recall", text(coco.meanAverageRecall()), "", ""]
          + [.small, .medium, .large].map { text(coco.meanAverageRecall(size: $0)) })
      return table.text + summary
    }
    var table = TextTable([
      ("class", .left), ("objects", .right), ("detections", .right), ("AP", .right),
      ("AP 11-point", .right),
    ])
    for (label, result) in zip(model.labels, voc.classes) {
      table.add([
        label.printable, "\(result.groundTruthCount)", "\(result.detectionCount)",
        text(result.averagePrecision(.allPoint)), text(result.averagePrecision(.elevenPoint)),
      ])
    }
    table.add([
      "mean", "\(voc.classes.reduce(0) { $0 + $1.groundTruthCount })",
      "\(voc.classes.reduce(0) { $0 + $1.detectionCount })",
      text(voc.meanAveragePrecision(.allPoint)), text(voc.meanAveragePrecision(.elevenPoint)),
    ])
    let dropped = dataset.remarks.count { $0.kind == .emptyBox }
    let note = dropped == 0 ? "" : ", \(dropped) empty boxes left out"
    return table.text + "\(summary), IoU of at least \(command.iouThreshold)\(note)"
  }

  // MARK: JSON

  /// The figures for a program.
  var json: String {
    var json = JSONWriter()
    json.object { json in
      json.object("model") { json in
        json.member("name", model.name)
        json.member("version", model.version)
      }
      json.member("layout", dataset.layout.rawValue)
      json.member("split", dataset.split)
      json.member("pictures", dataset.pictures.count)
      json.member("iou_threshold", command.iouThreshold)
      json.member("score_threshold", command.scoreThreshold)
      json.member("map", voc.meanAveragePrecision(.allPoint).map { Float($0) })
      json.member("map_11_point", voc.meanAveragePrecision(.elevenPoint).map { Float($0) })
      if command.metric == .coco { writeCOCO(&json) }
      json.member("unknown_labels", labels.unknown)
      json.key("classes")
      json.beginArray()
      for (classID, (label, result)) in zip(model.labels, voc.classes).enumerated() {
        json.object { json in
          json.member("label", label)
          json.member("objects", result.groundTruthCount)
          json.member("detections", result.detectionCount)
          json.member("ap", result.averagePrecision(.allPoint).map { Float($0) })
          json.member("ap_11_point", result.averagePrecision(.elevenPoint).map { Float($0) })
          if command.metric == .coco {
            json.member("coco_ap", coco.averagePrecision(classID: classID).map { Float($0) })
          }
        }
      }
      json.endArray()
      json.key("remarks")
      json.beginArray()
      for remark in dataset.remarks {
        json.object { json in
          json.member("kind", remark.kind.rawValue)
          json.member("file", remark.path)
          json.member("line", remark.line)
          json.member("detail", remark.detail)
        }
      }
      json.endArray()
      json.member("other_sizes", otherSizes)
    }
    return String(decoding: json.bytes, as: UTF8.self)
  }

  private func writeCOCO(_ json: inout JSONWriter) {
    json.object("coco") { json in
      json.member("ap", coco.meanAveragePrecision().map { Float($0) })
      json.member("ap_50", coco.meanAveragePrecision(threshold: 0).map { Float($0) })
      json.member("ap_75", coco.meanAveragePrecision(threshold: 5).map { Float($0) })
      json.member("ar_100", coco.meanAverageRecall().map { Float($0) })
      for size in COCOEvaluation.SizeRange.allCases.dropFirst() {
        json.member("ap_\(size)", coco.meanAveragePrecision(size: size).map { Float($0) })
        json.member("ar_\(size)", coco.meanAverageRecall(size: size).map { Float($0) })
      }
    }
  }
}
