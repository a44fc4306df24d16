internal import Files
import Glibc

/// Why a file cannot be mapped.
public struct FileMappingError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What went wrong.
  public enum Reason: Sendable, Equatable {
    /// The system refused a call; the number is its `errno`.
    case systemCall(name: String, code: Int32)
    /// The path names a folder, a pipe, a socket or a device.
    case notRegularFile
    /// The file has no bytes.
    case empty
  }

  /// The file, as it was named.
  public let path: String

  /// What went wrong.
  public let reason: Reason

  /// Makes an error.
  public init(path: String, reason: Reason) {
    self.path = path
    self.reason = reason
  }

  /// What went wrong and, where there is a way, how to mend it.
  public var description: String {
    switch reason {
    case .systemCall(_, ENOENT): "there is no such file"
    case .systemCall(_, EACCES), .systemCall(_, EPERM): "this user may not read the file"
    case .systemCall(let name, let code):
      "the system refused \(name): \(SystemMessage.text(of: code))"
    case .notRegularFile: "it is not a regular file; give the path of the file itself"
    case .empty: "the file is empty; copy or download it again"
    }
  }
}

extension ByteStorage {
  /// Maps a file into memory, read-only and private; its pages are read when they are touched.
  ///
  /// Only regular files are mapped. The size is taken once, by `fstat` on the open file. Whoever
  /// replaces a model must do so by renaming a new file over the old one: a mapping keeps the old
  /// bytes then. A file that is cut short in place while it is mapped cannot be guarded against:
  /// the system answers the next touch of a lost page with `SIGBUS`, which ends the process.
  ///
  /// - Parameter path: the file; symbolic links are followed.
  /// - Returns: all bytes of the file.
  /// - Throws: why the file cannot be mapped.
  public static func mapping(path: String) throws(FileMappingError) -> ByteStorage {
    func failure(_ call: String) -> FileMappingError {
      FileMappingError(path: path, reason: .systemCall(name: call, code: errno))
    }
    guard !path.utf8.contains(0) else {
      throw FileMappingError(path: path, reason: .systemCall(name: "open", code: EINVAL))
    }
    // Non-blocking, so that opening a pipe by mistake does not wait for its writer.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure("open") }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw failure("fstat") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FileMappingError(path: path, reason: .notRegularFile)
    }
    let count = Int(status.st_size)
    guard count > 0 else { throw FileMappingError(path: path, reason: .empty) }
    let address = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw failure("mmap")
    }
    // Safety: `count` bytes were mapped at `address`; they are unmapped once, in `deinit`.
    return unsafe ByteStorage(
      adopting: UnsafeRawBufferPointer(start: address, count: count), isFileMapping: true
    ) { bytes in
      unsafe munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    }
  }

  /// Lets go of the memory that a part of a mapped file takes.
  ///
  /// Nothing is lost: the next touch of a page reads it from the file again, most likely from the
  /// system's cache. Pages that the part shares with its neighbours stay. Bytes that are no mapped
  /// file's are left alone.
  ///
  /// - Parameter range: bytes of the storage; traps outside them.
  public func releasePages(_ range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count, "\(range) of \(count) bytes")
    guard isFileMapping else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    // A mapping starts at a page. Its last page is its own, however little of it the file fills.
    let start = (range.lowerBound + page - 1) / page * page
    let end = range.upperBound == count ? count : range.upperBound / page * page
    guard start < end else { return }
    unsafe withUnsafeBytes { bytes in
      // Safety: the pages lie in the mapping, which was made private and is never written, so that
      // dropping them loses no change. Where the system refuses, memory is all that it costs.
      let address = unsafe bytes.baseAddress?.advanced(by: start)
      unsafe _ = madvise(UnsafeMutableRawPointer(mutating: address), end - start, MADV_DONTNEED)
    }
  }
}
