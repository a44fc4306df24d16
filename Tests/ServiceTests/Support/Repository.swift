import Foundation

/// Files at the top of the repository.
enum Repository {
  /// A file's text.
  static func text(_ path: String) throws -> String {
    let top = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
    return try String(contentsOf: top.appending(path: path).standardizedFileURL, encoding: .utf8)
  }
}
