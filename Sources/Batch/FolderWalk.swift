internal import Files
internal import Glibc

/// The pictures in a folder and the folders below it, in the order of their names' bytes.
///
/// Only the names of the folders on the way to the present one are kept. Links to files are followed; links to folders
/// are not, so that no walk goes round in circles. What begins with a dot is passed over: other programs' notes.
struct FolderWalk {
  private struct Level {
    var folder: FileName
    /// What is left of the folder, last name first.
    var names: [[UInt8]]
  }

  private let suffixes: [String]
  private var levels: [Level] = []
  private var failure: (FileName, BatchError)?

  /// Makes a walk.
  ///
  /// - Parameters:
  ///   - folder: where it begins.
  ///   - suffixes: how the names of pictures end, in small letters.
  init(_ folder: FileName, suffixes: [String]) {
    self.suffixes = suffixes
    enter(folder)
  }

  /// The next picture, or a folder that cannot be listed and why.
  mutating func next() -> (name: FileName, failure: BatchError?)? {
    while true {
      if let (name, error) = failure {
        failure = nil
        return (name, error)
      }
      guard let level = levels.last else { return nil }
      guard let name = levels[levels.count - 1].names.popLast() else {
        levels.removeLast()
        continue
      }
      let path = level.folder.appending(name)
      if isFolder(path) {
        enter(path)
      } else if path.hasSuffix(suffixes), path.kind != .other {
        return (path, nil)
      }
    }
  }

  private mutating func enter(_ folder: FileName) {
    guard let stream = unsafe folder.withPath({ unsafe opendir($0) }) else {
      let reason = SystemMessage.text()
      failure = (folder, BatchError(.missingInput, "cannot list the folder: \(reason)"))
      return
    }
    defer { unsafe closedir(stream) }
    var names: [[UInt8]] = []
    errno = 0
    while let entry = unsafe readdir(stream) {
      // Safety: the name is terminated, and is copied before the next call.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        let start = unsafe UnsafeRawPointer(pointer)
        let length = unsafe strlen(start.assumingMemoryBound(to: CChar.self))
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: length))
      }
      if name.first != UInt8(ascii: ".") { names.append(name) }
      errno = 0
    }
    if errno != 0 {
      let reason = SystemMessage.text()
      failure = (folder, BatchError(.missingInput, "cannot list all of the folder: \(reason)"))
    }
    names.sort { $1.lexicographicallyPrecedes($0) }
    levels.append(Level(folder: folder, names: names))
  }

  private func isFolder(_ name: FileName) -> Bool {
    var status = stat()
    return unsafe name.withPath { unsafe lstat($0, &status) } == 0
      && status.st_mode & S_IFMT == S_IFDIR
  }
}
