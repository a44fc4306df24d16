internal import Glibc

/// The name of a file as the system has it: bytes, which need not be UTF-8.
///
/// Archives of older systems hold names in other encodings. Such a file is opened by its bytes; its text,
/// for people, has U+FFFD where they are no UTF-8.
public struct FileName: Sendable, Hashable, CustomStringConvertible {
  /// The name's bytes, without the zero that ends them.
  public let bytes: [UInt8]

  /// Makes a name of bytes.
  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Makes a name of text.
  public init(_ text: String) { bytes = Array(text.utf8) }

  /// The name for people.
  public var description: String { String(decoding: bytes, as: UTF8.self) }

  /// The name where it is UTF-8.
  public var text: String? { String(validating: bytes, as: UTF8.self) }

  /// The name of something in the folder that this one names.
  public func appending(_ name: [UInt8]) -> FileName {
    let slash = UInt8(ascii: "/")
    return FileName(bytes.last == slash ? bytes + name : bytes + [slash] + name)
  }

  /// Whether the name ends as one of these, capitals or not.
  public func hasSuffix(_ suffixes: [String]) -> Bool {
    suffixes.contains { suffix in
      bytes.count > suffix.utf8.count
        && zip(bytes.suffix(suffix.utf8.count), suffix.utf8).allSatisfy { byte, expected in
          byte == expected || (0x41...0x5A).contains(byte) && byte + 0x20 == expected
        }
    }
  }

  /// Calls the system with the name as it wants it; a name that holds a zero is no name there.
  @unsafe public func withPath<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    let terminated = bytes.map { CChar(bitPattern: $0) } + [0]
    // Safety: the array lives as long as the call, and ends with a zero.
    return unsafe terminated.withUnsafeBufferPointer { buffer in
      guard let path = buffer.baseAddress else {
        preconditionFailure("an array with a zero is empty")
      }
      return unsafe body(path)
    }
  }

  /// What is there under the name, links followed.
  public enum Kind: Sendable {
    /// A regular file.
    case file
    /// A folder.
    case folder
    /// A pipe, a device, a socket.
    case other
    /// Nothing, or nothing that can be looked at.
    case missing
  }

  /// What is there under the name, links followed.
  public var kind: Kind {
    var status = stat()
    guard unsafe withPath({ unsafe stat($0, &status) }) == 0 else { return .missing }
    return switch status.st_mode & S_IFMT {
    case S_IFREG: .file
    case S_IFDIR: .folder
    default: .other
    }
  }

  /// The folder that the name is in.
  public var folder: FileName {
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return FileName(".") }
    return FileName(Array(bytes[...slash]))
  }

  /// Where links lead to, whether something is there or not.
  public var resolved: FileName {
    var name = self
    // As many links as Linux follows.
    for _ in 0..<40 {
      guard let target = name.linkTarget else { break }
      name =
        target.first == UInt8(ascii: "/")
        ? FileName(target) : FileName(name.folder.appending(target).bytes)
    }
    return name
  }

  private var linkTarget: [UInt8]? {
    var target = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = unsafe withPath { unsafe readlink($0, &target, target.count) }
    return count > 0 ? target[..<count].map { UInt8(bitPattern: $0) } : nil
  }
}
