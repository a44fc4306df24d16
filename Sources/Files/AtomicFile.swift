internal import Glibc

/// A new file that takes the place of another in one step, or leaves no trace.
///
/// Until then it has no name where the file system can do that (`O_TMPFILE`), so that nothing of it stays however the process
/// ends. Where a link stands in its place, what it leads to is replaced; the permissions of a file that is replaced
/// stay. What is no file, a device or a pipe, is written into: there is nothing to replace.
public struct AtomicFile: Sendable {
  private enum Place: Sendable {
    /// A file without a name, which gets this one.
    case unnamed(FileName)
    /// A file beside its place.
    case beside(FileName, temporary: FileName)
    /// A device or a pipe.
    case special
  }

  /// A file without a name in a folder: a macro of several, which is not imported (`asm-generic/fcntl.h`).
  private static let withoutName = 0o20_000_000 | O_DIRECTORY

  private let place: Place
  private let descriptor: Int32

  /// Begins a new file.
  ///
  /// - Throws: `FileError` where it cannot be written there.
  public init(replacing name: FileName) throws(FileError) {
    guard !name.bytes.isEmpty, !name.bytes.contains(0) else {
      throw FileError("opening it", code: ENOENT)
    }
    let target = name.resolved
    if target.kind == .folder { throw FileError("opening it", code: EISDIR) }
    if target.kind == .other {
      place = .special
      descriptor = unsafe target.withPath { unsafe open($0, O_WRONLY | O_CLOEXEC) }
      guard descriptor >= 0 else { throw FileError("opening it") }
      return
    }
    let unnamed = unsafe target.folder.withPath {
      unsafe open($0, Self.withoutName | O_WRONLY | O_CLOEXEC, 0o666)
    }
    if unnamed >= 0 {
      (place, descriptor) = (.unnamed(target), unnamed)
    } else {
      // `O_EXCL` makes the name ours; the same folder, because a rename does not cross file systems.
      let temporary = Self.temporaryName(for: target)
      descriptor = unsafe temporary.withPath {
        unsafe open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      }
      guard descriptor >= 0 else { throw FileError("creating a file beside it") }
      place = .beside(target, temporary: temporary)
    }
    var status = stat()
    if unsafe target.withPath({ unsafe stat($0, &status) }) == 0 {
      _ = fchmod(descriptor, status.st_mode & 0o7777)
    }
  }

  /// Makes sure before long work that its result can be written; what is there stays.
  ///
  /// - Throws: `FileError` where it cannot be written there.
  public static func check(_ name: FileName) throws(FileError) {
    // To open a pipe and close it again would tell its reader that all was said.
    guard name.resolved.kind == .other else { return try AtomicFile(replacing: name).discard() }
    guard unsafe name.withPath({ unsafe access($0, W_OK) }) == 0 else {
      throw FileError("opening it")
    }
  }

  /// Writes a whole file.
  ///
  /// - Throws: `FileError`; nothing of it stays then.
  public static func write(_ bytes: [UInt8], to name: FileName) throws(FileError) {
    let file = try AtomicFile(replacing: name)
    do throws(FileError) {
      try file.write(bytes)
      try file.commit()
    } catch {
      file.discard()
      throw error
    }
  }

  /// Appends bytes.
  public func write(_ bytes: [UInt8]) throws(FileError) {
    var offset = 0
    while offset < bytes.count {
      // Safety: `offset` is below the count, so both the address and the length stay inside.
      let written = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(
          descriptor, UnsafeRawBufferPointer(rebasing: buffer[offset...]).baseAddress,
          buffer.count - offset)
      }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw FileError("writing") }
      offset += written
    }
  }

  /// Puts the file in its place, once its bytes are on the disk; it is not to be used any more.
  public func commit() throws(FileError) {
    switch place {
    case .special: break
    case .unnamed(let target):
      guard fsync(descriptor) == 0 else { throw FileError("writing to the disk") }
      // A link cannot take another's place, so it gets a name beside it first.
      let temporary = Self.temporaryName(for: target)
      let status = unsafe FileName("/proc/self/fd/\(descriptor)").withPath { from in
        unsafe temporary.withPath { to in
          unsafe linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW)
        }
      }
      guard status == 0 else { throw FileError("naming it") }
      try Self.rename(temporary, to: target)
    case .beside(let target, let temporary):
      guard fsync(descriptor) == 0 else { throw FileError("writing to the disk") }
      try Self.rename(temporary, to: target)
    }
    close(descriptor)
  }

  /// Gives the file up; it is not to be used any more.
  public func discard() {
    close(descriptor)
    if case .beside(_, let temporary) = place { Self.remove(temporary) }
  }

  private static func rename(_ name: FileName, to target: FileName) throws(FileError) {
    let status = unsafe name.withPath { from in
      unsafe target.withPath { unsafe Glibc.rename(from, $0) }
    }
    guard status != 0 else { return synchronise(target.folder) }
    let error = FileError("renaming")
    remove(name)
    throw error
  }

  /// Brings a folder's names to the disk, so that a power cut does not take the new one back.
  ///
  /// Some file systems cannot; the file itself is safe either way.
  private static func synchronise(_ folder: FileName) {
    let descriptor = unsafe folder.withPath { unsafe open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard descriptor >= 0 else { return }
    _ = fsync(descriptor)
    close(descriptor)
  }

  private static func remove(_ name: FileName) {
    _ = unsafe name.withPath { unsafe unlink($0) }
  }

  private static func temporaryName(for target: FileName) -> FileName {
    FileName(target.bytes + Array(".\(getpid()).\(UInt32.random(in: 0 ... .max)).partial".utf8))
  }
}
