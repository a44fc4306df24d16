/// A `multipart/form-data` body as clients write it.
struct Form {
  enum Part {
    case text(String, String)
    case file(String, [UInt8])
    /// Header lines and content as they stand.
    case raw(String, [UInt8])
  }

  static let boundary = "------------------------d74496d66958873e"

  var parts: [Part]

  init(_ parts: [Part]) { self.parts = parts }

  var type: String { "multipart/form-data; boundary=\(Self.boundary)" }

  var body: [UInt8] {
    var body: [UInt8] = []
    for part in parts {
      body += Array("--\(Self.boundary)\r\n".utf8)
      switch part {
      case .text(let name, let value):
        body += Array("Content-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)".utf8)
      case .file(let name, let bytes):
        let disposition = "form-data; name=\"\(name)\"; filename=\"photo.jpg\""
        body += Array("Content-Disposition: \(disposition)\r\n".utf8)
        body += Array("Content-Type: image/jpeg\r\n\r\n".utf8) + bytes
      case .raw(let header, let content):
        body += Array("\(header)\r\n\r\n".utf8) + content
      }
      body += Array("\r\n".utf8)
    }
    return body + Array("--\(Self.boundary)--\r\n".utf8)
  }
}
