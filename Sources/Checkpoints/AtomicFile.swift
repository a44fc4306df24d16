import Glibc

/// A new file that takes the place of another in one step, or leaves no trace.
struct AtomicFile {
  private let path: String
  private let temporaryPath: String
  private let descriptor: Int32

  /// Creates the temporary file beside the path, with the permissions that the umask allows.
  init(replacing path: String) throws(CheckpointError) {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw CheckpointError(.unwritable("the path is empty or holds a zero byte"))
    }
    self.path = path
    // The same folder, because a rename does not cross file systems. `O_EXCL` makes the name ours.
    self.temporaryPath = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).partial"
    self.descriptor = unsafe Glibc.open(
      temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw Self.failure("creating a file beside it") }
  }

  /// Appends bytes.
  func write(_ bytes: [UInt8]) throws(CheckpointError) {
    var offset = 0
    while offset < bytes.count {
      // Safety: `offset` is below the count, so both the address and the length stay inside.
      let written = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(
          descriptor, UnsafeRawBufferPointer(rebasing: buffer[offset...]).baseAddress,
          buffer.count - offset)
      }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw Self.failure("writing") }
      offset += written
    }
  }

  /// Puts the file in its place, once its bytes are on the disk.
  func commit() throws(CheckpointError) {
    guard fsync(descriptor) == 0 else { throw Self.failure("writing to the disk") }
    guard unsafe rename(temporaryPath, path) == 0 else { throw Self.failure("renaming") }
    close(descriptor)
  }

  /// Removes the temporary file.
  func discard() {
    close(descriptor)
    unsafe unlink(temporaryPath)
  }

  private static func failure(_ step: String) -> CheckpointError {
    let code = errno
    // Safety: a terminated string, which is copied at once.
    guard let text = unsafe strerror(code) else {
      return CheckpointError(.unwritable("\(step): error \(code)"))
    }
    return CheckpointError(.unwritable("\(step): \(unsafe String(cString: text))"))
  }
}
