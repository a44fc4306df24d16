internal import Glibc

/// Pictures that come over a pipe, each with its length before it: four bytes, the most significant first.
///
/// The end of the input between two pictures is the end. A picture over the limit is passed over and answered as an error,
/// so that the ones behind it are still found.
public struct FramedPictures: PictureSource {
  private final class Input: @unchecked Sendable {
    // Sendable: only the source that made it reads it, and a source is read by one thread at a time.
    var bytes: ByteSource
    init(descriptor: Int32) { bytes = ByteSource(descriptor: descriptor) }
  }

  private let input: Input
  private let limit: Int
  private var index = 0

  /// Reads an open descriptor.
  ///
  /// - Parameters:
  ///   - descriptor: the descriptor, which stays open.
  ///   - limit: the most bytes of a picture.
  public init(descriptor: Int32, limit: Int) {
    input = Input(descriptor: descriptor)
    self.limit = limit
  }

  /// The next picture.
  public mutating func next() throws(BatchError) -> PictureEntry? {
    let head = try input.bytes.read(count: 4)
    guard !head.isEmpty else { return nil }
    guard head.count == 4 else {
      throw BatchError(.brokenInput, "the input ends within a length; it has four bytes")
    }
    let count = head.reduce(0) { $0 << 8 | Int($1) }
    defer { index += 1 }
    guard count <= limit else {
      try input.bytes.skip(count)
      return PictureEntry(
        index: index, name: nil,
        content: .failure(
          BatchError(.brokenInput, "the picture has \(count) bytes, and \(limit) are the most")))
    }
    let picture = try input.bytes.read(count: count)
    guard picture.count == count else {
      throw BatchError(
        .brokenInput, "the input ends \(count - picture.count) bytes before its last picture does")
    }
    return PictureEntry(index: index, name: nil, content: .bytes(picture))
  }
}
