internal import FasterRCNN
internal import HTTP1
internal import HTTPServer

extension DetectionWork {
  /// Answers `POST /v2/models/{model}/infer`.
  func inference(_ request: InferenceRequest) throws -> WorkAnswer {
    let parameters = order.parameters
    let findings = try request.items.map { try find($0, parameters) }
    var timings = earlierTimings
    for finding in findings { timings.add(finding.timings) }

    let encoding = ContinuousClock.now
    let (bytes, headerLength) = try InferenceResponse(
      request: request, model: admission.model.description, findings: findings,
      parameters: parameters
    ).encoded()
    timings.addEnd(encodingSince: encoding, arrival: conversation.arrival)
    var response = HTTPResponse(status: 200, body: bytes)
    response.fields.append(
      "Content-Type", headerLength == nil ? MediaType.json : "application/octet-stream")
    if let headerLength {
      response.fields.append(InferenceRequest.lengthField, String(headerLength))
    }
    response.fields.append("Server-Timing", timings.serverTimingText)
    return WorkAnswer(response: response, timings: timings, count: findings.count)
  }
}
