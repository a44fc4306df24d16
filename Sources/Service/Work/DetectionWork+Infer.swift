internal import FasterRCNN
internal import HTTP1
internal import HTTPServer

extension DetectionWork {
  /// Answers `POST /v2/models/{model}/infer`.
  func inference() throws -> WorkAnswer {
    let start = ContinuousClock.now
    let request = try InferenceRequest(
      exchange.request.body, headerLength: try Self.headerLength(in: exchange.request.fields))
    var parameters = try RequestParameters(
      admission.parameters + request.parameters,
      allowed: Parameter.all(of: admission.match.route), model: admission.backend.model)
    parameters.detection.includesFeatures = request.outputs.contains { $0.name == .features }
    if parameters.detection.includesFeatures, request.items.count > 1 {
      throw Problem(
        .malformedRequest, "The output 'features' is of one picture; send one at a time.")
    }
    let parsed = ContinuousClock.now - start
    // The protocol has no place for an error of one among several.
    let findings = try request.items.map { try find($0, parameters) }
    var stages: [Stage: Duration] = [.queue: waited, .decode: parsed]
    for finding in findings { stages.merge(finding.result.timings) { $0 + $1 } }

    let encoding = ContinuousClock.now
    let (bytes, headerLength) = try InferenceResponse(
      request: request, model: admission.backend.model, findings: findings, parameters: parameters
    ).encoded()
    var timings = StageTimings(stages)
    timings.appendEnd(encodingSince: encoding, arrival: exchange.arrival)
    var response = HTTPResponse(status: 200, body: bytes)
    response.fields.append(
      "Content-Type", headerLength == nil ? MediaType.json : "application/octet-stream")
    if let headerLength {
      response.fields.append(InferenceRequest.lengthField, String(headerLength))
    }
    response.fields.append("Server-Timing", timings.serverTimingText)
    return WorkAnswer(response: response, timings: timings, count: findings.count)
  }

  /// What `Inference-Header-Content-Length` says; `nil` without one.
  private static func headerLength(in fields: HTTPFields) throws(Problem) -> Int? {
    let values = fields.values(of: InferenceRequest.lengthField)
    guard let value = values.first else { return nil }
    guard values.count == 1, value.utf8.allSatisfy({ $0 &- 0x30 < 10 }), let length = Int(value)
    else {
      throw Problem(
        .malformedRequest, "\(InferenceRequest.lengthField) has to be one number of bytes.")
    }
    return length
  }
}
