import Files
import Foundation
import Testing

/// A folder that is removed when the last reference to it goes.
final class TestFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "frcnn-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func name(_ last: String) -> FileName { FileName(url.path + "/" + last) }

  /// Makes empty files, and the folders that they are in.
  func make(_ names: [String]) throws {
    for name in names {
      let file = url.appending(path: name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data().write(to: file)
    }
  }

  func write(_ text: String, to last: String) throws {
    try Data(text.utf8).write(to: url.appending(path: last))
  }

  func text(of last: String) throws -> String {
    try String(contentsOf: url.appending(path: last), encoding: .utf8)
  }
}
