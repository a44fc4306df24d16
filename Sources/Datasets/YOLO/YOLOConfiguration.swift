/// The few keys of YOLO's `data.yaml` that say where pictures lie and what classes are called.
///
/// A subset of YAML is read: keys at the margin, plain or quoted scalars, lists in brackets or with
/// dashes, and a mapping of numbers to names. Anchors, tags and nested structures are passed over.
struct YOLOConfiguration {
  /// Folders or lists of pictures for each split, as they are written.
  private(set) var splits: [String: [String]] = [:]

  /// The names of the classes by their numbers.
  private(set) var labels: [String] = []

  /// The most bytes of such a file.
  static let maximumByteCount = 1 << 20

  private static let splitNames = ["train": "train", "val": "val", "valid": "val", "test": "test"]

  /// Reads a file; `nil` where it declares no names of classes.
  init?(_ bytes: [UInt8], path: String) throws(DatasetError) {
    var bytes = bytes[...]
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw DatasetError(.invalidAnnotation("bytes that are not UTF-8"), path: path)
    }
    var parser = Parser()
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, line) in lines.enumerated() { parser.take(line, number: index + 1) }
    guard parser.openList == nil else {
      throw DatasetError(
        .invalidAnnotation("a list that begins with '[' does not end"), path: path,
        line: parser.openList)
    }
    labels = parser.values["names"] ?? []
    let numbered = parser.numberedNames
    if !numbered.isEmpty {
      guard numbered.keys.min() == 0, numbered.keys.max() == numbered.count - 1 else {
        throw DatasetError(
          .invalidAnnotation("the numbers of the names are not 0, 1, 2 and so on"), path: path)
      }
      labels = numbered.sorted { $0.key < $1.key }.map(\.value)
    }
    guard !labels.isEmpty else { return nil }
    guard Set(labels).count == labels.count, !labels.contains("") else {
      throw DatasetError(
        .invalidAnnotation("a class has no name, or two have the same"), path: path)
    }
    for (key, split) in Self.splitNames {
      if let places = parser.values[key]?.filter({ !$0.isEmpty }), !places.isEmpty {
        splits[split] = places
      }
    }
  }
}

/// Collects keys and their values line by line.
private struct Parser {
  /// The scalars under each key at the margin.
  private(set) var values: [String: [String]] = [:]

  /// What stands below `names` as `0: cat`.
  private(set) var numberedNames: [Int: String] = [:]

  /// The line of a bracket that is still open.
  private(set) var openList: Int?

  private var key = ""
  private var brackets = ""

  mutating func take(_ raw: Substring, number: Int) {
    let line = Self.withoutComment(raw)
    let trimmed = line.trimmingWhitespace()
    if trimmed.isEmpty { return }
    if openList != nil {
      brackets += " " + trimmed
      if trimmed.hasSuffix("]") { closeList() }
    } else if trimmed.hasPrefix("-") {
      values[key, default: []].append(Self.scalar(trimmed.dropFirst().trimmingWhitespace()))
    } else if let colon = trimmed.firstIndex(of: ":") {
      let name = Self.scalar(trimmed[..<colon].trimmingWhitespace())
      let value = trimmed[trimmed.index(after: colon)...].trimmingWhitespace()
      if line.first?.isWhitespace == true {
        if key == "names", let place = Int(name) { numberedNames[place] = Self.scalar(value) }
        return
      }
      key = name
      if value.hasPrefix("[") {
        (brackets, openList) = (String(value), number)
        if value.hasSuffix("]") { closeList() }
      } else if !value.isEmpty {
        values[key, default: []].append(Self.scalar(value))
      }
    }
  }

  private mutating func closeList() {
    values[key, default: []] += Self.list(brackets)
    (brackets, openList) = ("", nil)
  }

  private static func withoutComment(_ line: Substring) -> Substring {
    var quote: Character?
    var previous: Character = " "
    for (index, character) in zip(line.indices, line) {
      if let open = quote {
        if character == open { quote = nil }
      } else if character == "'" || character == "\"" {
        quote = character
      } else if character == "#", previous.isWhitespace {
        return line[..<index]
      }
      previous = character
    }
    return line
  }

  private static func list(_ text: String) -> [String] {
    var items: [String] = [""]
    var quote: Character?
    for character in text.dropFirst().dropLast() {
      if quote == nil, character == "," {
        items.append("")
        continue
      }
      if let open = quote {
        if character == open { quote = nil }
      } else if character == "'" || character == "\"" {
        quote = character
      }
      items[items.count - 1].append(character)
    }
    return items.map { scalar($0.trimmingWhitespace()) }.filter { !$0.isEmpty }
  }

  private static func scalar(_ text: Substring) -> String {
    for quote in ["'", "\""]
    where text.count >= 2 && text.hasPrefix(quote) && text.hasSuffix(quote) {
      return String(text.dropFirst().dropLast())
    }
    return String(text)
  }
}
