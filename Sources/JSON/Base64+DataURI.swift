extension Base64 {
  /// The longest head of a data URI, in characters.
  private static let maximumHead = 256

  /// Where the base64 stands in the content of a string: behind the head of a data URI (RFC 2397), where
  /// there is one, and without the blanks around it.
  ///
  /// - Parameters:
  ///   - text: what has the string in it.
  ///   - content: where its content stands.
  ///   - failure: makes the error of a reason and a place.
  /// - Returns: where the base64 stands.
  /// - Throws: what `failure` makes, where the head is not that of a data URI in base64.
  static func payload(
    of text: [UInt8], in content: Range<Int>, _ failure: (String, Int) -> JSONError
  ) throws(JSONError) -> Range<Int> {
    var payload = content
    // A comma belongs to no alphabet: it can only end a data URI's head.
    var head: [UInt8] = []
    var characters = JSONCharacters(text, in: content)
    while head.count < maximumHead, let character = characters.next() {
      guard case .byte(let byte) = character.folded else { break }
      guard byte != UInt8(ascii: ",") else {
        let head = String(decoding: head, as: UTF8.self).lowercased().filter { !$0.isWhitespace }
        guard head.hasPrefix("data:"), head.hasSuffix(";base64") else {
          throw failure(
            "a data URI has to begin like 'data:image/jpeg;base64,'", characters.start)
        }
        payload = characters.position..<content.upperBound
        break
      }
      head.append(byte)
    }
    let blank = UInt8(ascii: " ")
    while let first = text[payload].first, first == blank { payload.removeFirst() }
    while let last = text[payload].last, last == blank { payload.removeLast() }
    return payload
  }
}

extension JSONCharacters.Character {
  /// The character as a byte where it is of ASCII, however it was written.
  var folded: Self {
    if case .scalar(let scalar) = self, scalar.isASCII {
      .byte(UInt8(truncatingIfNeeded: scalar.value))
    } else {
      self
    }
  }
}
