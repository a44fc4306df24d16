internal import Glibc

/// What a folder holds.
public enum FolderContents {
  /// The names in a folder, in the order in which the system tells them, which is none; bytes that are
  /// no UTF-8 become U+FFFD.
  ///
  /// - Parameters:
  ///   - path: the folder.
  ///   - limit: the most names that are read; what follows is left out.
  /// - Returns: the names, without those of the folder itself and of its parent.
  /// - Throws: `FileError` where the folder cannot be opened.
  public static func names(in path: String, limit: Int = .max) throws(FileError) -> [String] {
    guard !path.utf8.contains(0) else { throw FileError("listing the folder", code: ENOENT) }
    guard let stream = unsafe opendir(path) else { throw FileError("listing the folder") }
    defer { unsafe _ = closedir(stream) }
    var names: [String] = []
    while names.count < limit, let entry = unsafe readdir(stream) {
      // Safety: `d_name` is terminated, and the entry lives until the next call.
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
