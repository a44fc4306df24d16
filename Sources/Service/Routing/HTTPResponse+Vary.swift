internal import HTTP1
internal import HTTPServer

extension HTTPResponse {
  /// Says that the answer depends on a field of the request (RFC 9110 section 12.5.5).
  mutating func vary(on name: String) {
    guard let value = fields["Vary"] else { return fields.append("Vary", name) }
    let names = value.split(separator: ",").map { $0.trimmingSpaces.lowercased() }
    if !names.contains(name.lowercased()) { fields["Vary"] = "\(value), \(name)" }
  }
}
