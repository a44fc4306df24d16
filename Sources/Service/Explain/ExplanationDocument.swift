internal import Detection
internal import FasterRCNN
internal import JSON
internal import Observability

/// What is told of a place in a picture: the body of an answer to `POST /explain`.
struct ExplanationDocument {
  var id: String
  var model: ModelDescription
  var finding: Finding
  var parameters: RequestParameters
  var explanation: Explanation

  /// The document as JSON, and what it says of times.
  func json(
    since arrival: ContinuousClock.Instant
  ) throws(DetectionDocument.NonFiniteResult) -> (bytes: [UInt8], timings: Timeline) {
    let start = ContinuousClock.now
    var json = JSONWriter(reservingCapacity: 16_384)
    json.beginObject()
    json.member("id", id)
    json.model(model)
    DetectionDocument(model: model, finding: finding, parameters: parameters)
      .writePicture(to: &json)
    writePlace(to: &json)
    json.member("summary", explanation.summary(labels: model.labels))
    writeCounts(to: &json)
    write("anchors", explanation.anchors, explanation.anchorBoxes, to: &json)
    write("candidates", explanation.candidates, explanation.candidateBoxes, to: &json)
    json.key("proposals")
    json.beginArray()
    for index in explanation.nearestProposals { writeProposal(index, to: &json) }
    json.endArray()
    json.key("detections")
    json.beginArray()
    for index in explanation.detections { writeDetection(index, to: &json) }
    json.endArray()
    guard !json.hasNonFiniteNumber else { throw DetectionDocument.NonFiniteResult() }
    var timings = finding.timings
    timings.addEnd(encodingSince: start, arrival: arrival)
    json.timings(timings)
    json.endObject()
    return (json.bytes, timings)
  }

  private var boxWriter: BoxWriter { BoxWriter(parameters, imageSize: finding.result.imageSize) }

  private func writePlace(to json: inout JSONWriter) {
    json.key("place")
    json.beginObject()
    switch explanation.place {
    case .box(let box): boxWriter.write(box, to: &json)
    case .point(let x, let y):
      json.key("point")
      json.beginArray()
      json.number(x)
      json.number(y)
      json.endArray()
    }
    json.endObject()
  }

  private func writeCounts(to json: inout JSONWriter) {
    let trace = explanation.proposals
    let ranked = explanation.anchorBoxes.indices.count { trace.rank(ofAnchor: $0) != nil }
    json.key("counts")
    json.beginObject()
    for (name, count) in [
      ("anchors", explanation.anchorBoxes.count), ("ranked", ranked),
      ("proposals", trace.proposedAnchors.count), ("detections", explanation.detectionCount),
    ] {
      json.member(name, count)
    }
    json.endObject()
  }

  /// Writes anchors, how near the box is that they were chosen by, and what became of each.
  private func write(
    _ name: String, _ anchors: [Int], _ boxes: [BoundingBox], to json: inout JSONWriter
  ) {
    let trace = explanation.proposals
    json.key(name)
    json.beginArray()
    for anchor in anchors {
      json.beginObject()
      json.member("anchor_index", anchor)
      writeCell(ofAnchor: anchor, to: &json)
      boxWriter.write(explanation.anchorBoxes[anchor], key: "anchor", to: &json)
      if !trace.isUnusable(anchor) {
        boxWriter.write(explanation.candidateBoxes[anchor], to: &json)
      }
      json.member(explanation.place.measureName, explanation.place.measure(boxes[anchor]))
      if let objectness = trace.objectness(ofAnchor: anchor) {
        json.member("objectness", objectness)
      }
      if let rank = trace.rank(ofAnchor: anchor) {
        json.member("rank", rank)
      }
      json.fate(trace.fate(ofAnchor: anchor))
      json.endObject()
    }
    json.endArray()
  }

  /// Writes where an anchor stands: its feature map, where there are several, and its cell there.
  private func writeCell(ofAnchor anchor: Int, to json: inout JSONWriter) {
    let levels = explanation.evidence.levels
    var place = anchor
    for (number, level) in levels.enumerated() {
      let grid = level.grid
      guard place >= grid.count else {
        if levels.count > 1 {
          json.key("level")
          json.integer(number)
        }
        let cell = place / grid.anchorsPerCell
        json.key("cell")
        json.integers([cell % grid.width, cell / grid.width])
        return
      }
      place -= grid.count
    }
  }

  private func writeProposal(_ index: Int, to json: inout JSONWriter) {
    let anchor = explanation.proposals.proposedAnchors[index]
    let box = explanation.candidateBoxes[anchor]
    json.beginObject()
    json.member("proposal_index", index)
    json.member("anchor_index", anchor)
    boxWriter.write(box, to: &json)
    json.member(explanation.place.measureName, explanation.place.measure(box))
    json.member("objectness", explanation.proposals.objectness(ofAnchor: anchor) ?? .nan)
    if let classes = explanation.classes {
      if let score = classes.backgroundScore(inRoI: index) {
        json.member("background_score", score)
      }
      json.key("classes")
      json.beginArray()
      for classID in 0..<classes.classCount { write(classID, in: index, classes, to: &json) }
      json.endArray()
    }
    json.endObject()
  }

  private func write(
    _ classID: Int, in roi: Int, _ classes: ClassBoxTrace, to json: inout JSONWriter
  ) {
    json.beginObject()
    json.member("class_id", classID)
    json.member("label", model.labels.name(ofClass: classID))
    if let score = classes.score(ofClass: classID, inRoI: roi) {
      json.member("score", score)
    }
    if let box = classes.box(ofClass: classID, inRoI: roi) { boxWriter.write(box, to: &json) }
    json.fate(
      classes.fate(ofClass: classID, inRoI: roi), objects: classes.objects,
      detectionCount: explanation.detectionCount)
    json.endObject()
  }

  private func writeDetection(_ index: Int, to json: inout JSONWriter) {
    guard let object = explanation.classes?.objects[index] else { return }
    json.beginObject()
    json.member("detection_index", index)
    boxWriter.write(object.box, to: &json)
    json.member(explanation.place.measureName, explanation.place.measure(object.box))
    json.verdict(
      score: object.score, classID: object.classID, labels: model.labels,
      proposalIndex: object.roiIndex)
    json.endObject()
  }
}
