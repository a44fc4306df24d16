import CZlib
import Tensors

/// Raw deflate (RFC 1951) and the CRC-32 of zip, by zlib.
enum Deflate {
  /// zlib counts in 32 bits; this much is handed over at once.
  private static let chunkByteCount = 1 << 30

  /// Inflates a part of a storage into exactly `byteCount` bytes.
  ///
  /// Fewer or more bytes than stated are an error, and so are bytes behind the deflated stream.
  static func inflate(
    _ storage: ByteStorage, _ part: Range<Int>, byteCount: Int, name: String
  ) throws(CheckpointError) -> ByteStorage {
    func failure(_ reason: CheckpointError.Reason) -> CheckpointError {
      CheckpointError(reason, byteOffset: part.lowerBound, tensorName: name)
    }
    precondition(part.upperBound <= storage.count, "\(part) of \(storage.count) bytes")
    return try unsafe ByteStorage(count: byteCount) { (output) throws(CheckpointError) in
      var stream = unsafe z_stream()
      // Negative window bits: no zlib or gzip header. 15 bits are the largest window.
      guard
        unsafe inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
      else { throw failure(.malformed("zlib cannot be started")) }
      defer { _ = unsafe inflateEnd(&stream) }
      var consumed = 0
      var produced = 0
      // One byte more than was announced shows that the announcement was wrong.
      var surplus: UInt8 = 0
      while true {
        let inputCount = min(part.count - consumed, chunkByteCount)
        let outputCount = min(byteCount - produced, chunkByteCount)
        // Safety: `part` lies in the storage, and both counts stay within what is left of input
        // and output; where the output is full, zlib gets room for one byte.
        let status = unsafe storage.withUnsafeBytes { input in
          unsafe withUnsafeMutablePointer(to: &surplus) { spare in
            let start = unsafe input.baseAddress?.advanced(by: part.lowerBound + consumed)
            unsafe stream.next_in = UnsafeMutablePointer(
              mutating: start?.assumingMemoryBound(to: UInt8.self))
            unsafe stream.avail_in = UInt32(inputCount)
            unsafe stream.next_out =
              outputCount > 0
              ? output.baseAddress?.advanced(by: produced).assumingMemoryBound(to: UInt8.self)
              : spare
            unsafe stream.avail_out = UInt32(max(outputCount, 1))
            return unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
          }
        }
        let taken = inputCount - Int(unsafe stream.avail_in)
        let given = max(outputCount, 1) - Int(unsafe stream.avail_out)
        consumed += taken
        guard outputCount > 0 || given == 0 else {
          throw failure(.sizeMismatch(needed: byteCount, found: byteCount + 1))
        }
        produced += given
        switch status {
        case Z_STREAM_END:
          guard produced == byteCount else {
            throw failure(.sizeMismatch(needed: byteCount, found: produced))
          }
          guard consumed == part.count else {
            throw failure(.unusedBytes(count: part.count - consumed))
          }
          return
        case Z_OK where taken > 0 || given > 0: continue
        case Z_OK, Z_BUF_ERROR:
          throw failure(
            .truncated(
              what: "deflated data", needed: UInt64(byteCount), available: produced))
        default: throw failure(.malformed("deflated data is damaged"))
        }
      }
    }
  }

  /// The CRC-32 of a part of a storage.
  static func checksum(of storage: ByteStorage, in part: Range<Int>) -> UInt32 {
    precondition(part.upperBound <= storage.count, "\(part) of \(storage.count) bytes")
    // Safety: the line above.
    return unsafe storage.withUnsafeBytes { bytes in
      guard let base = unsafe bytes.baseAddress?.advanced(by: part.lowerBound) else { return 0 }
      return UInt32(
        unsafe crc32_z(0, base.assumingMemoryBound(to: UInt8.self), part.count))
    }
  }
}
