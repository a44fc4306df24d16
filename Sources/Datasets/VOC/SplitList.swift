/// The list of a split: a name a line.
///
/// Lists come with byte order marks, line ends of all three systems, extensions and folders before the
/// names, and names with spaces.
struct SplitList {
  /// The names without extension and without the folder of pictures.
  private(set) var names: [String] = []

  /// The most bytes that a list may have.
  static let maximumByteCount = 64 << 20

  /// Reads a list.
  ///
  /// - Parameters:
  ///   - bytes: the file.
  ///   - path: its name for errors.
  ///   - isAnnotated: whether there is an annotation of a name, which decides what a space means.
  /// - Throws: `DatasetError` with the line of an entry that names no picture of the folder.
  init(
    _ bytes: [UInt8], path: String, isAnnotated: (String) -> Bool
  ) throws(DatasetError) {
    var bytes = bytes[...]
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    let (lineFeed, carriageReturn) = (UInt8(ascii: "\n"), UInt8(ascii: "\r"))
    let separator = bytes.contains(lineFeed) ? lineFeed : carriageReturn
    let lines = bytes.split(separator: separator, omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      func invalid(_ detail: String) -> DatasetError {
        DatasetError(.invalidListEntry(detail), path: path, line: index + 1)
      }
      guard let text = String(validating: line, as: UTF8.self) else {
        throw invalid("bytes that are not UTF-8")
      }
      let entry = text.trimmingWhitespace()
      if entry.isEmpty { continue }
      let name = Self.name(String(entry))
      if name.contains(where: \.isWhitespace), !isAnnotated(name) {
        throw invalid(Self.reading(of: String(entry)))
      }
      guard PictureNames.isInside(name), !name.hasPrefix("."),
        name.utf8.allSatisfy({ $0 >= 0x20 })
      else { throw invalid("'\(entry)' is no name of a picture in this folder") }
      names.append(name)
    }
    guard !names.isEmpty else {
      throw DatasetError(.invalidListEntry("it lists no picture"), path: path, line: 1)
    }
  }

  /// The name that an entry means: without extension, and without `JPEGImages/` and what stands before.
  private static func name(_ entry: String) -> String {
    let parts = entry.split(separator: "/", omittingEmptySubsequences: false)
    var rest = parts[...]
    if let folder = parts.dropLast().lastIndex(where: { $0 == "JPEGImages" }) {
      rest = parts[(folder + 1)...]
    }
    return PictureNames.stem(rest.joined(separator: "/"))
  }

  /// What an entry with spaces probably is.
  private static func reading(of entry: String) -> String {
    let words = entry.split(whereSeparator: \.isWhitespace)
    if let last = words.last, ["1", "-1", "0"].contains(last) {
      return
        "'\(entry)' is of a list of one class, with 1 and -1, which says nothing of the others; "
        + "choose a list of names"
    }
    if words.count > 1, words[1].split(separator: ",").count == 5 {
      return
        "'\(words[0]) ...' has boxes behind the name, as bubbliiiing's lists of training have; "
        + "choose a list of names"
    }
    return "there is no annotation of '\(entry)'"
  }
}
