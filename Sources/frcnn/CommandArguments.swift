import Files
import Glibc

/// The program's arguments as the system gave them.
enum CommandArguments {
  /// The bytes of an argument that was given as this text.
  ///
  /// What is no UTF-8 has become U+FFFD in the text; where two arguments have become alike, the first one's bytes are
  /// taken.
  static func name(_ text: String) -> FileName {
    guard text.unicodeScalars.contains("\u{FFFD}") else { return FileName(text) }
    for index in 0..<Int(CommandLine.argc) {
      // Safety: the system's array has as many terminated strings as it says, for as long as the program runs.
      guard let argument = unsafe CommandLine.unsafeArgv[index] else { continue }
      let bytes = unsafe Array(UnsafeBufferPointer(start: argument, count: strlen(argument)))
        .map { UInt8(bitPattern: $0) }
      // An option's value may stand behind its name: --output=FILE.
      for candidate in [bytes[...], bytes.drop { $0 != UInt8(ascii: "=") }.dropFirst()]
      where String(decoding: candidate, as: UTF8.self) == text {
        return FileName(Array(candidate))
      }
    }
    return FileName(text)
  }
}
