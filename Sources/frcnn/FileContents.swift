import Files
import Glibc

/// Reads whole files and standard input, never more than a limit.
enum FileContents {
  /// Reads a file; `-` is standard input.
  ///
  /// A file of more bytes than the limit is refused, so that a wrong name (`/dev/zero`) cannot fill
  /// the memory.
  static func read(_ path: String, limit: Int) throws(Failure) -> [UInt8] {
    guard path != "-" else { return try read(STDIN_FILENO, name: "standard input", limit: limit) }
    return try read(CommandArguments.name(path), limit: limit)
  }

  /// Reads a file whose name the system has told, which need not be text.
  static func read(_ path: FileName, limit: Int) throws(Failure) -> [UInt8] {
    guard !path.bytes.contains(0) else {
      throw Failure(.missingInput, "a file's name holds a zero byte")
    }
    let descriptor = unsafe path.withPath { unsafe open($0, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else {
      throw Failure(.missingInput, "cannot open \(path): \(Failure.systemMessage())")
    }
    defer { close(descriptor) }
    return try read(descriptor, name: "\(path)", limit: limit)
  }

  private static func read(
    _ descriptor: Int32, name: String, limit: Int
  ) throws(Failure) -> [UInt8] {
    var contents: [UInt8] = []
    var status = stat()
    if unsafe fstat(descriptor, &status) == 0, status.st_size > 0, status.st_size <= limit {
      contents.reserveCapacity(Int(status.st_size) + 1)
    }
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe Glibc.read(descriptor, &block, block.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else {
        throw Failure(.missingInput, "cannot read \(name): \(Failure.systemMessage())")
      }
      if count == 0 { return contents }
      guard contents.count + count <= limit else {
        throw Failure(.brokenInput, "\(name) has more than \(limit) bytes, the most that are read")
      }
      contents += block[..<count]
    }
  }

  /// Writes a file in the place of whatever is there; nothing of it stays where that fails.
  static func write(_ bytes: [UInt8], to path: FileName) throws(Failure) {
    do throws(FileError) {
      try AtomicFile.write(bytes, to: path)
    } catch {
      throw Failure(.cannotCreate, "cannot write \(path): \(error)")
    }
  }

  /// Refuses a file that could not be written, before the work that it is for.
  static func checkWritable(_ path: String) throws(Failure) {
    do throws(FileError) {
      try AtomicFile.check(CommandArguments.name(path))
    } catch {
      throw Failure(.cannotCreate, "cannot write \(path): \(error)")
    }
  }
}
