/// Turns an XML document's bytes into UTF-8: what labelling tools on Windows write is often UTF-16, and
/// old ones declare Latin-1.
///
/// Source: XML 1.0, appendix F, "Autodetection of Character Encodings".
enum XMLEncoding {
  /// The document in UTF-8; documents in UTF-8 as they are.
  ///
  /// - Throws: where the document is in an encoding that is not read and its bytes are no UTF-8.
  static func utf8(_ bytes: [UInt8]) throws(XMLReader.Failure) -> [UInt8] {
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0x3C, 0]) {
      return try utf16(bytes, isBigEndian: false)
    }
    if bytes.starts(with: [0xFE, 0xFF]) || bytes.starts(with: [0, 0x3C]) {
      return try utf16(bytes, isBigEndian: true)
    }
    guard let name = declaredEncoding(bytes) else { return bytes }
    switch name {
    case "utf-8", "utf8", "us-ascii", "ascii": return bytes
    case "iso-8859-1", "latin1", "latin-1", "iso8859-1", "windows-1252", "cp1252":
      // Where the declaration is wrong and the bytes are UTF-8 after all, they mean what they say.
      if String(validating: bytes, as: UTF8.self) != nil { return bytes }
      return bytes.flatMap { Array(String(Unicode.Scalar($0)).utf8) }
    default:
      guard String(validating: bytes, as: UTF8.self) != nil else {
        throw .xml(line: 1, detail: "it is in the encoding \(name); save it as UTF-8")
      }
      return bytes
    }
  }

  private static func utf16(
    _ bytes: [UInt8], isBigEndian: Bool
  ) throws(XMLReader.Failure) -> [UInt8] {
    guard bytes.count.isMultiple(of: 2) else {
      throw .xml(line: 1, detail: "it is UTF-16 with half a character at its end")
    }
    let units = stride(from: 0, to: bytes.count, by: 2).map { place in
      let (first, second) = (UInt16(bytes[place]), UInt16(bytes[place + 1]))
      return isBigEndian ? first << 8 | second : second << 8 | first
    }
    guard let text = String(validating: units, as: UTF16.self) else {
      throw .xml(line: 1, detail: "it is broken UTF-16; save it as UTF-8")
    }
    return Array((text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text).utf8)
  }

  /// The name in `<?xml version="1.0" encoding="NAME"?>`, in small letters.
  private static func declaredEncoding(_ bytes: [UInt8]) -> String? {
    let head = String(decoding: bytes.prefix(200), as: UTF8.self)
    guard head.hasPrefix("<?xml"), let end = head.range(of: "?>")?.lowerBound,
      let key = head[..<end].range(of: "encoding")
    else { return nil }
    let rest = head[key.upperBound..<end].drop { $0 == " " || $0 == "=" }
    guard let quote = rest.first, quote == "\"" || quote == "'" else { return nil }
    return rest.dropFirst().prefix { $0 != quote }.lowercased()
  }
}

extension StringProtocol {
  /// Where a text stands first; a small stand-in for Foundation's.
  fileprivate func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      let rest = self[start...]
      if rest.hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
