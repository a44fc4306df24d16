internal import Files
internal import Glibc

/// The files of a dataset, by paths relative to its folder.
public protocol DatasetFiles {
  /// Lists a folder.
  ///
  /// - Parameter folder: a path, `""` for the dataset's own folder.
  /// - Returns: the names in alphabetical order; `nil` where there is no such folder.
  /// - Throws: `DatasetError` where it is there and cannot be listed.
  func names(in folder: String) throws(DatasetError) -> [String]?

  /// Reads a file.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - limit: the most bytes that it may have.
  /// - Returns: the whole contents.
  /// - Throws: `DatasetError` where it cannot be read or is larger.
  func contents(of path: String, limit: Int) throws(DatasetError) -> [UInt8]
}

extension DatasetFiles {
  /// A path of a folder and a name in it.
  func join(_ folder: String, _ name: String) -> String {
    folder.isEmpty ? name : "\(folder)/\(name)"
  }
}

/// The files below a folder of this machine.
public struct FolderFiles: DatasetFiles, Sendable {
  /// The folder.
  public let root: String

  /// The most entries of one folder that are listed: more than any dataset has in one.
  private static let maximumEntryCount = 10_000_000

  /// Names a folder, which is not looked at yet.
  public init(root: String) { self.root = root }

  private func full(_ path: String) -> String { path.isEmpty ? root : "\(root)/\(path)" }

  /// The names in a folder; see `DatasetFiles`.
  public func names(in folder: String) throws(DatasetError) -> [String]? {
    let path = full(folder)
    let names: [String]
    do {
      names = try FolderContents.names(in: path, limit: Self.maximumEntryCount + 1)
    } catch {
      if error.code == ENOENT || error.code == ENOTDIR { return nil }
      throw DatasetError(
        .unreadable("the folder cannot be listed: \(error.reason)"), path: path)
    }
    guard names.count <= Self.maximumEntryCount else {
      throw DatasetError(
        .layout("the folder has more than \(Self.maximumEntryCount) entries"), path: folder)
    }
    return names.sorted()
  }

  /// The contents of a file; see `DatasetFiles`.
  public func contents(of path: String, limit: Int) throws(DatasetError) -> [UInt8] {
    let descriptor = unsafe open(full(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw DatasetError(.unreadable("cannot open it: \(SystemMessage.text())"), path: path)
    }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw DatasetError(.unreadable("it is no file"), path: path)
    }
    guard status.st_size <= limit else { throw DatasetError(.tooLarge(limit: limit), path: path) }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var filled = 0
    while filled < bytes.count {
      let count = unsafe bytes.withUnsafeMutableBytes { buffer in
        // Safety: the part behind `filled` bytes of the buffer.
        unsafe read(descriptor, buffer.baseAddress?.advanced(by: filled), buffer.count - filled)
      }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else {
        throw DatasetError(.unreadable("cannot read it: \(SystemMessage.text())"), path: path)
      }
      if count == 0 { break }
      filled += count
    }
    bytes.removeLast(bytes.count - filled)
    return bytes
  }
}
