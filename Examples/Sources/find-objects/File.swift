import Glibc

/// A file's bytes; a program that has Foundation takes its `Data`.
enum File {
  struct Failure: Error {
    var name: String
  }

  static func bytes(of name: String) throws(Failure) -> [UInt8] {
    let descriptor = unsafe open(name, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure(name: name) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe read(descriptor, &block, block.count)
      guard count > 0 else { return bytes }
      bytes += block[..<count]
    }
  }
}
