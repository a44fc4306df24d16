internal import CZlib
internal import HTTPServer

/// Undoes gzip and deflate, never into more than is allowed.
enum Inflation {
  /// Why bytes are not undone.
  enum Fault: Error, Equatable {
    /// They end before the coding does.
    case truncated
    /// They are not of the coding, or their checksum is wrong.
    case malformed
    /// More stands behind the coding's end.
    case trailingBytes
    /// They stand for more bytes than are allowed.
    case tooLong(limit: Int)
    /// There is no room for what they stand for beside the bodies of others.
    case noRoom
    /// They stand for so many times their own number that no picture or tensor can be meant.
    case tooDense(ratio: Int)
  }

  /// How many times its own length a body may grow; over it, once it is longer than `freeLength`, it is
  /// refused.
  ///
  /// Files of pictures do not shrink, tensors written as text shrink to a quarter or, where most of
  /// them are zeros, a fortieth. Deflate's limit, which bombs come close to, is 1032.
  static let maximumRatio = 100

  /// What a body may grow to whatever its ratio, 1 MiB.
  static let freeLength = 1 << 20

  /// How much is made at once, 64 KiB: beyond what was allowed no more than that is ever held.
  private static let blockLength = 1 << 16

  /// Undoes a coding.
  ///
  /// Under the name of deflate both the zlib format is taken, which RFC 9110 section 8.4.1.2 means,
  /// and the raw one, which some clients send. They cannot be mixed up: a stream in the zlib format
  /// begins with two bytes that a raw one could only begin with by padding a stored block with ones,
  /// and the same bounds hold for both.
  ///
  /// - Parameters:
  ///   - bytes: the body as it was sent.
  ///   - coding: its coding.
  ///   - limit: the most bytes that it may stand for.
  ///   - share: takes the memory for them, as they come.
  /// - Returns: what the body stands for.
  /// - Throws: `Fault`.
  static func undo(
    _ bytes: [UInt8], _ coding: ContentCoding, limit: Int, share: BodyMemory.Share? = nil
  ) throws(Fault) -> [UInt8] {
    var stream = unsafe z_stream()
    // 15 bits are the largest window; 16 more ask for gzip, a minus for neither header nor trailer.
    let windowBits: Int32 =
      switch coding {
      case .gzip: 15 + 16
      case .deflate: hasZlibHeader(bytes) ? 15 : -15
      }
    guard
      unsafe inflateInit2_(
        &stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw .malformed }
    defer { _ = unsafe inflateEnd(&stream) }

    var output: [UInt8] = []
    var room = 0
    var block = [UInt8](repeating: 0, count: blockLength)
    var consumed = 0
    while true {
      let inputCount = min(bytes.count - consumed, 1 << 30)
      // Safety: zlib reads `inputCount` bytes from `consumed` on, which lie in `bytes`, and writes at
      // most the block's count; it keeps neither pointer, because both are set anew for each call.
      let status = unsafe bytes.withUnsafeBufferPointer { input in
        unsafe block.withUnsafeMutableBufferPointer { block in
          unsafe stream.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.advanced(by: consumed))
          unsafe stream.avail_in = UInt32(inputCount)
          unsafe stream.next_out = block.baseAddress
          unsafe stream.avail_out = UInt32(block.count)
          return unsafe inflate(&stream, Z_NO_FLUSH)
        }
      }
      let taken = inputCount - Int(unsafe stream.avail_in)
      let given = block.count - Int(unsafe stream.avail_out)
      consumed += taken
      guard output.count + given <= limit else { throw .tooLong(limit: limit) }
      let length = output.count + given
      if length > freeLength, length / max(consumed, 1) > maximumRatio {
        throw .tooDense(ratio: maximumRatio)
      }
      if length > room {
        // Four times the body at first, then twice as much each time.
        let wanted = max(length, min(limit, max(4 * bytes.count, 2 * room)))
        guard share?.take(wanted - room) != false else { throw .noRoom }
        output.reserveCapacity(wanted)
        room = wanted
      }
      output += block[..<given]
      switch status {
      case Z_STREAM_END:
        if consumed == bytes.count { return output }
        // RFC 1952 section 2.2: a gzip file may have several members, one behind the other.
        guard coding == .gzip, unsafe inflateReset(&stream) == Z_OK else { throw .trailingBytes }
      case Z_OK where taken > 0 || given > 0: continue
      case Z_OK, Z_BUF_ERROR: throw .truncated
      default: throw .malformed
      }
    }
  }

  /// Whether bytes begin as the zlib format does: method 8, a window of at most 32 KiB, no dictionary,
  /// and a check that makes the first two divisible by 31 (RFC 1950 section 2.2).
  private static func hasZlibHeader(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= 2 else { return false }
    let (method, flags) = (Int(bytes[0]), Int(bytes[1]))
    return method & 15 == 8 && method >> 4 <= 7 && (method << 8 | flags) % 31 == 0
      && flags & 0x20 == 0
  }
}

extension Problem {
  /// Makes a problem of a body whose coding could not be undone.
  init(_ fault: Inflation.Fault, coding: ContentCoding) {
    let name = coding.rawValue
    switch fault {
    case .truncated:
      self.init(.malformedRequest, "The body ends in the middle of its \(name) coding.")
    case .malformed:
      self.init(.malformedRequest, "The body is not \(name), as its Content-Encoding says.")
    case .trailingBytes:
      self.init(.malformedRequest, "Bytes stand behind the end of the body's \(name) coding.")
    case .tooLong(let limit):
      self.init(
        .bodyTooLarge,
        "The body, its \(name) coding undone, has more than the \(limit) bytes that are taken.",
        limit: .init(name: "body", value: limit, unit: "bytes"))
    case .noRoom: self = .outOfBodyMemory
    case .tooDense(let ratio):
      self.init(
        .bodyTooLarge,
        "The body stands for more than \(ratio) times as many bytes; send it plain.",
        limit: .init(name: "ratio", value: ratio, unit: "times"))
    }
  }
}
