#if canImport(Glibc)
  internal import Glibc
#endif

extension Span<UInt8> {
  /// Whether a part reads the same as a text of small ASCII letters, capitals counting as small.
  func equals(_ text: StaticString, in range: Range<Int>) -> Bool {
    guard range.count == text.utf8CodeUnitCount, range.upperBound <= count else { return false }
    // Safety: the offset stays under the literal's length, which equals the range's.
    let letters = unsafe text.utf8Start
    var index = 0
    while index < range.count {
      guard unsafe self[range.lowerBound + index].asciiLowercased == letters[index] else {
        return false
      }
      index += 1
    }
    return true
  }

  /// The place of the first line feed at or after `start`.
  func lineFeed(from start: Int) -> Int? {
    guard start < count else { return nil }
    return unsafe withUnsafeBufferPointer { (buffer: UnsafeBufferPointer<UInt8>) -> Int? in
      let bytes = UnsafeRawBufferPointer(buffer)
      guard let base = bytes.baseAddress else { return nil }
      // Safety: memchr looks at `count - start` bytes, all inside the buffer.
      let hit = unsafe memchr(base + start, Int32(UInt8.lineFeed), bytes.count - start)
      guard let hit = unsafe hit else { return nil }
      return unsafe UnsafeRawPointer(hit) - base
    }
  }
}

extension String {
  /// The text of bytes that were checked to be ASCII.
  init(ascii bytes: Span<UInt8>, _ range: Range<Int>) {
    self = unsafe bytes.extracting(range).withUnsafeBufferPointer {
      unsafe String(decoding: $0, as: UTF8.self)
    }
  }

  /// The text of a field value: UTF-8 where it is valid, else one character a byte.
  ///
  /// RFC 9110 section 5.5 calls bytes over 127 opaque and names ISO-8859-1 as what they once were;
  /// nothing is lost and nothing is refused.
  init(fieldValue bytes: Span<UInt8>, _ range: Range<Int>) {
    let part = bytes.extracting(range)
    let text = unsafe part.withUnsafeBufferPointer {
      unsafe String(validating: $0, as: UTF8.self)
    }
    if let text {
      self = text
    } else {
      self = ""
      for index in part.indices { unicodeScalars.append(Unicode.Scalar(part[index])) }
    }
  }
}
