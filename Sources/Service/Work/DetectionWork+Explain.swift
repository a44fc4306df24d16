internal import FasterRCNN
internal import HTTPServer

extension DetectionWork {
  /// Answers `POST /explain`.
  func explanation(of item: BodyItem, at place: ExplainedPlace) throws -> WorkAnswer {
    var parameters = order.parameters
    parameters.detection.includesEvidence = true
    var finding = try find(item, parameters)
    finding.timings.add(earlierTimings)
    guard let evidence = finding.result.evidence else {
      throw Problem(.notImplemented, "This detector gives no account of its answers.")
    }
    let document = ExplanationDocument(
      id: conversation.id, model: admission.model.description, finding: finding,
      parameters: parameters,
      explanation: Explanation(evidence, place: place, count: parameters.nearestCount))
    let (json, timings) = try document.json(since: conversation.arrival)
    return answer(json, .json, timings)
  }
}
