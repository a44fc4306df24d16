internal import CEmbeddedPage

/// A file that is a part of the program.
enum EmbeddedFile {
  /// The bytes of a file.
  static func bytes(_ part: frcnn_page_part) -> [UInt8] {
    let file = unsafe frcnn_page_file(part)
    // Safety: the C target gives the address and the size of one constant array.
    return unsafe Array(UnsafeBufferPointer(start: file.bytes, count: file.count))
  }
}
