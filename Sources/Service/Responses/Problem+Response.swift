internal import HTTP1
internal import HTTPServer
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
    json.key("type")
    json.string("urn:frcnn:problem:" + kind.rawValue)
    json.key("title")
    json.string(kind.title)
    json.key("status")
    json.integer(kind.status)
    json.key("detail")
    json.string(detail)
    json.key("instance")
    json.string("urn:frcnn:request:" + requestID)
    json.key("error")
    json.string(detail)
    json.key("request_id")
    json.string(requestID)
    if let parameter {
      json.key("parameter")
      json.string(parameter)
    }
    if let limit {
      json.key("limit")
      json.beginObject()
      json.key("name")
      json.string(limit.name)
      json.key("value")
      json.integer(limit.value)
      json.key("unit")
      json.string(limit.unit)
      json.endObject()
    }
    if let retryAfter {
      json.key("retry_after")
      json.integer(retryAfter)
    }
  }
}
