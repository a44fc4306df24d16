internal import HTTP1
internal import HTTPServer
internal import JSON
internal import Observability

extension Problem {
  /// The answer to a request that has this problem (RFC 9457 section 3).
  ///
  /// `error` repeats the detail for clients of protocols that look for it there (the Open Inference
  /// Protocol's), and `request_id` is what `X-Request-ID` says, for those who keep the body only.
  func response(requestID: String) -> HTTPResponse {
    var json = JSONWriter(reservingCapacity: 512)
    json.beginObject()
    writeMembers(to: &json, requestID: requestID)
    json.endObject()
    var response = HTTPResponse(status: kind.status, body: json.bytes)
    response.fields.append("Content-Type", "application/problem+json")
    if let retryAfter { response.fields.append("Retry-After", String(retryAfter)) }
    for field in fields { response.fields.append(field.name, field.value) }
    return response
  }

  /// Writes the members of the problem's object.
  func writeMembers(to json: inout JSONWriter, requestID: String) {
    json.member("type", "urn:frcnn:problem:" + kind.rawValue)
    json.member("title", kind.title)
    json.member("status", kind.status)
    json.member("detail", detail)
    json.member("instance", "urn:frcnn:request:" + requestID)
    json.member("error", detail)
    json.member("request_id", requestID)
    if let parameter {
      json.member("parameter", parameter)
    }
    if let limit {
      json.key("limit")
      json.beginObject()
      json.member("name", limit.name)
      json.member("value", limit.value)
      json.member("unit", limit.unit)
      json.endObject()
    }
    if let retryAfter {
      json.member("retry_after", retryAfter)
    }
  }
}
