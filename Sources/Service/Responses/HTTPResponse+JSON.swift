internal import HTTP1
internal import HTTPServer
internal import JSON

extension HTTPResponse {
  /// An answer of JSON that tells what was found.
  ///
  /// - Throws: `NonFiniteResult` where something is no finite number.
  static func json(
    _ write: (inout JSONWriter) -> Void
  ) throws(DetectionDocument.NonFiniteResult) -> HTTPResponse {
    var json = JSONWriter(reservingCapacity: 4096)
    write(&json)
    guard !json.hasNonFiniteNumber else { throw DetectionDocument.NonFiniteResult() }
    var response = HTTPResponse(status: 200, body: json.bytes)
    response.fields.append("Content-Type", MediaType.json)
    return response
  }

  /// An answer of JSON that tells how something is now, which is of no use later, whoever keeps it.
  ///
  /// - Parameters:
  ///   - status: the status.
  ///   - write: writes the value.
  /// - Returns: the answer.
  static func state(
    status: Int = 200, value write: (inout JSONWriter) -> Void
  ) -> HTTPResponse {
    var json = JSONWriter()
    write(&json)
    var response = HTTPResponse(status: status, body: json.bytes)
    response.fields.append("Content-Type", MediaType.json)
    response.fields.append("Cache-Control", "no-store")
    return response
  }

  /// The same for an object, whose members are written.
  static func document(
    status: Int = 200, _ write: (inout JSONWriter) -> Void
  ) -> HTTPResponse {
    state(status: status) { json in json.object(write) }
  }

  /// One word of how the server is.
  static func status(_ word: String) -> HTTPResponse {
    document { $0.member("status", word) }
  }
}
