public import Files
internal import Glibc

/// Pictures that names lead to: files, folders that are walked, and lists of names.
public struct NamedPictures: PictureSource {
  /// What a name on the command line stands for.
  public enum Input: Sendable, Equatable {
    /// A picture, or a folder of them.
    case path(FileName)
    /// A file of names; `nil` is standard input.
    case list(FileName?)
  }

  /// How names are read and which of them are taken.
  public struct Options: Sendable {
    /// Which part of the pictures is given out.
    public var shard = Shard.whole

    /// What stands between the names of a list: a line feed, or zero as `find -print0` writes.
    public var separator = UInt8(ascii: "\n")

    /// How the names of pictures in a folder end, in small letters.
    public var suffixes: [String]

    /// Makes options that take all.
    public init(suffixes: [String]) { self.suffixes = suffixes }
  }

  /// The longest name in a list: what Linux takes (`PATH_MAX`).
  static let maximumNameLength = 4096

  private let options: Options
  private var inputs: ArraySlice<Input>
  private var walk: FolderWalk?
  private var list: ListReader?
  private var index = 0

  /// Makes a source of some inputs, in their order.
  public init(_ inputs: [Input], options: Options) {
    self.inputs = inputs[...]
    self.options = options
  }

  /// The next picture of the part.
  public mutating func next() throws(BatchError) -> PictureEntry? {
    while let (name, failure) = try nextOfAll() {
      defer { index += 1 }
      guard options.shard.contains(index) else { continue }
      return PictureEntry(index: index, name: name, content: failure.map { .failure($0) } ?? .file)
    }
    return nil
  }

  private mutating func nextOfAll() throws(BatchError) -> (FileName, BatchError?)? {
    while true {
      if let found = walk?.next() { return (found.name, found.failure) }
      walk = nil
      if let list {
        if let name = try list.next() {
          if let file = open(name) { return (file, nil) }
          continue
        }
        self.list = nil
      }
      guard let input = inputs.popFirst() else { return nil }
      switch input {
      case .path(let name):
        if let file = open(name) { return (file, nil) }
      case .list(let name):
        list = try ListReader(name, separator: options.separator)
      }
    }
  }

  /// Begins a walk where the name is a folder's, and returns it where it is not.
  private mutating func open(_ name: FileName) -> FileName? {
    guard name.kind == .folder else { return name }
    walk = FolderWalk(name, suffixes: options.suffixes)
    return nil
  }

  /// The names of a list.
  private final class ListReader: @unchecked Sendable {
    // Sendable: only the source that made it reads it, and a source is read by one thread at a time.
    private var bytes: ByteSource
    private let separator: UInt8
    private var isFirst = true

    init(_ name: FileName?, separator: UInt8) throws(BatchError) {
      self.separator = separator
      if let name {
        bytes = try ByteSource(name)
      } else {
        bytes = ByteSource(descriptor: STDIN_FILENO)
      }
    }

    /// The next name; empty lines, a mark of byte order and Windows' carriage returns are none of it.
    func next() throws(BatchError) -> FileName? {
      while var (name, _) = try bytes.read(
        upTo: separator, limit: NamedPictures.maximumNameLength)
      {
        if isFirst, name.starts(with: [0xEF, 0xBB, 0xBF]) { name.removeFirst(3) }
        isFirst = false
        if separator == UInt8(ascii: "\n"), name.last == UInt8(ascii: "\r") { name.removeLast() }
        if !name.isEmpty { return FileName(name) }
      }
      return nil
    }
  }
}
