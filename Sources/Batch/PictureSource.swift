public import Files

/// Where pictures come from, one after the other; always in the same order.
///
/// A source is handed from thread to thread, and read by one at a time.
public protocol PictureSource: Sendable {
  /// The next picture; `nil` once there is none.
  ///
  /// - Throws: `BatchError` where it cannot be told what comes next.
  mutating func next() throws(BatchError) -> PictureEntry?
}

/// A picture to work on.
public struct PictureEntry: Sendable, Equatable {
  /// What there is of it.
  public enum Content: Sendable, Equatable {
    /// A file that is still to be read.
    case file
    /// The bytes of a file.
    case bytes([UInt8])
    /// Nothing, and why.
    case failure(BatchError)
  }

  /// Its number among all pictures of the input, from 0, whichever of them are worked on.
  public var index: Int

  /// The file's name; `nil` where it has none.
  public var name: FileName?

  /// What there is of it.
  public var content: Content

  /// Makes an entry.
  public init(index: Int, name: FileName?, content: Content = .file) {
    self.index = index
    self.name = name
    self.content = content
  }
}
