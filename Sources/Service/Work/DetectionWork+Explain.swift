internal import FasterRCNN
internal import HTTPServer

extension DetectionWork {
  /// Answers `POST /explain`.
  func explanation() throws -> WorkAnswer {
    let start = ContinuousClock.now
    let (body, chosen) = try contents()
    var parameters = chosen
    let place = try ExplainedPlace(parameters)
    guard let item = body.items.first, !body.isBatch else {
      throw Problem(.malformedRequest, "One picture is explained at a time; send one.")
    }
    parameters.detection.includesEvidence = true
    let parsed = ContinuousClock.now - start
    var finding = try find(item, parameters)
    finding.result.timings[.queue] = waited
    finding.result.timings[.decode, default: .zero] += parsed
    guard let evidence = finding.result.evidence else {
      throw Problem(.notImplemented, "This detector gives no account of its answers.")
    }
    let document = ExplanationDocument(
      id: exchange.id, model: admission.backend.model, finding: finding, parameters: parameters,
      explanation: Explanation(evidence, place: place, count: parameters.nearestCount))
    let (json, timings) = try document.json(since: exchange.arrival)
    return answer(json, .json, timings)
  }
}
