/// A family's names for tensors and the canonical ones, row by row, both ways.
///
/// A pattern is the beginning of a name up to a point, or the whole of it. `#` stands for a number,
/// which the other side has at the `#` in the same place; what follows the pattern stays as it is. So
/// `backbone.body.layer#.#.bn#` and `backbone.layer#.#.conv#.norm` name one another's tensors. Of
/// the rows that fit, that with the most characters of its own is taken, and where a family has had two
/// spellings the first is the one that is written.
struct NameMap: Sendable {
  /// One row: the pattern in the family's files and the canonical one.
  struct Row: Sendable {
    let original: String
    let canonical: String

    init(_ original: String, _ canonical: String) {
      self.original = original
      self.canonical = canonical
    }
  }

  /// What is read and written.
  let rows: [Row]

  /// What is read as well and never written.
  let readOnly: [Row]

  init(_ rows: [(String, String)], alsoRead readOnly: [(String, String)] = []) {
    self.rows = rows.map { Row($0, $1) }
    self.readOnly = readOnly.map { Row($0, $1) }
  }

  /// The rows of several maps, one after the other.
  init(_ maps: [NameMap]) {
    rows = maps.flatMap(\.rows)
    readOnly = maps.flatMap(\.readOnly)
  }

  /// The canonical name of a tensor in a family's file; `nil` where it has none.
  func canonical(_ name: String) -> String? {
    Self.rewrite(name, rows + readOnly, from: \.original, to: \.canonical)
  }

  /// The name that a family's file has for a canonical one; `nil` where the family has no such tensor.
  func original(_ name: String) -> String? {
    Self.rewrite(name, rows, from: \.canonical, to: \.original)
  }

  private static func rewrite(
    _ name: String, _ rows: [Row], from: KeyPath<Row, String>, to: KeyPath<Row, String>
  ) -> String? {
    var best: (result: String, weight: Int)?
    for row in rows {
      let pattern = row[keyPath: from]
      let weight = pattern.utf8.count { $0 != UInt8(ascii: "#") }
      guard weight > best?.weight ?? -1,
        let result = rewrite(name, pattern, as: row[keyPath: to])
      else { continue }
      best = (result, weight)
    }
    return best?.result
  }

  private static func rewrite(_ name: String, _ pattern: String, as other: String) -> String? {
    var numbers: [Substring] = []
    var rest = name[...]
    for character in pattern {
      if character == "#" {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty else { return nil }
        numbers.append(digits)
        rest = rest.dropFirst(digits.count)
      } else {
        guard rest.first == character else { return nil }
        rest = rest.dropFirst()
      }
    }
    guard rest.isEmpty || rest.first == "." else { return nil }
    var result = ""
    var next = numbers.makeIterator()
    for character in other {
      if character == "#" { result += next.next() ?? "" } else { result.append(character) }
    }
    return result + rest
  }
}
