internal import Files
internal import Glibc

/// A file that grows by whole rows.
///
/// What is there under the name is written to, whatever it is: a link's target, a pipe, a device. A file of one's own is held
/// against a second process that would write to it too.
final class OutputFile {
  let name: String
  let isRegular: Bool
  private let descriptor: Int32
  private let isOwned: Bool
  /// How many bytes are in it; all of whole rows.
  private(set) var length = 0

  /// Standard output.
  static var standard: OutputFile { OutputFile(descriptor: STDOUT_FILENO) }

  private init(descriptor: Int32) {
    name = "standard output"
    self.descriptor = descriptor
    isOwned = false
    isRegular = false
  }

  /// Opens a file, or makes an empty one.
  ///
  /// - Throws: `BatchError` where it cannot be written, or another process writes it.
  init(_ file: FileName) throws(BatchError) {
    name = "\(file)"
    isOwned = true
    let isSpecial = file.kind == .other
    // A pipe cannot be read back, and one that is opened for both never ends for its reader.
    let flags = (isSpecial ? O_WRONLY : O_RDWR | O_CREAT) | O_CLOEXEC
    descriptor = unsafe file.withPath { unsafe open($0, flags, 0o666) }
    isRegular = !isSpecial
    guard descriptor >= 0 else {
      throw BatchError(.cannotCreate, "cannot write \(name): \(SystemMessage.text())")
    }
    guard isRegular else { return }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw BatchError(.cannotCreate, "\(name) is being written by another process")
    }
    var status = stat()
    if unsafe fstat(descriptor, &status) == 0 { length = Int(status.st_size) }
  }

  deinit {
    if isOwned, descriptor >= 0 { close(descriptor) }
  }

  /// Appends rows; where that fails nothing of them stays.
  func append(_ rows: [UInt8]) throws(BatchError) {
    var rest = rows[...]
    while !rest.isEmpty {
      // Safety: the pointer and the count are the slice's own.
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        let reason = SystemMessage.text()
        if isRegular { _ = ftruncate(descriptor, length) }
        throw BatchError(.cannotCreate, "cannot write \(name): \(reason)")
      }
      rest = rest.dropFirst(count)
    }
    length += rows.count
  }

  /// Cuts the file, and goes on behind what is left.
  func cut(to length: Int) throws(BatchError) {
    guard ftruncate(descriptor, length) == 0, lseek(descriptor, length, SEEK_SET) == length else {
      throw BatchError(.cannotCreate, "cannot write \(name): \(SystemMessage.text())")
    }
    self.length = length
  }

  /// Waits until the disk has everything.
  func synchronise() throws(BatchError) {
    guard isRegular else { return }
    guard fsync(descriptor) == 0 else {
      throw BatchError(.cannotCreate, "cannot write \(name): \(SystemMessage.text())")
    }
  }

  /// The bytes from the beginning on.
  func reader() throws(BatchError) -> ByteSource {
    guard lseek(descriptor, 0, SEEK_SET) == 0 else {
      throw BatchError(.missingInput, "cannot read \(name): \(SystemMessage.text())")
    }
    return ByteSource(descriptor: descriptor)
  }
}
