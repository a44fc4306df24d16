internal import HTTP1

/// The header lines of a part of a form (RFC 7578 section 4).
struct PartHeader {
  /// The field's name; `nil` until a `Content-Disposition` was read.
  private(set) var name: String?

  /// The file's name, where one was stated.
  private(set) var fileName: String?

  /// Why the part cannot be taken, where its lines can be read but ask for too much.
  private(set) var refusal: String?

  /// Reads a line.
  ///
  /// - Returns: whether it is a header line; folded lines (RFC 5322 section 2.2.3) are not.
  mutating func read(_ line: String) -> Bool {
    guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else { return false }
    let field = line[..<colon]
    guard !field.isEmpty, field.utf8.allSatisfy(ByteClass.token.contains) else {
      return false
    }
    let value = String(line[line.utf8.index(after: colon)...])
    guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == UInt8(ascii: "\t") }) else {
      return false
    }
    switch field.lowercased() {
    case "content-disposition": return readDisposition(value)
    case "content-type":
      if value.lowercased().drop(while: \.isWhitespace).hasPrefix("multipart/") {
        refusal = "a part is itself multipart, which RFC 7578 section 4.3 no longer allows"
      }
    case "content-transfer-encoding":
      // RFC 7578 section 4.7: not to be used; these three change nothing.
      let coding = value.lowercased().filter { $0 != " " && $0 != "\t" }
      if !["7bit", "8bit", "binary"].contains(coding) {
        refusal = "a part has a Content-Transfer-Encoding; send its bytes as they are"
      }
    // RFC 7578 section 4.8: other fields must be ignored.
    default: break
    }
    return true
  }

  private mutating func readDisposition(_ value: String) -> Bool {
    var scanner = HeaderScanner(value)
    scanner.skipWhitespace()
    guard name == nil, scanner.token()?.lowercased() == "form-data",
      let parameters = scanner.parameters(lenient: ["filename", "filename*"])
    else { return false }
    let names = parameters.filter { $0.name == "name" }
    let fileNames = parameters.filter { $0.name == "filename" }
    guard names.count == 1, !names[0].value.isEmpty, fileNames.count <= 1 else { return false }
    name = names[0].value
    fileName = fileNames.first?.value
    return true
  }
}
