/// A family's names for tensors and the canonical ones, row by row, both ways.
///
/// A pattern is the beginning of a name up to a point, or the whole of it. `#` stands for a number,
/// which the other side has at the `#` in the same place; what follows the pattern stays as it is. So
/// `backbone.body.layer#.#.bn#` and `backbone.layer#.#.conv#.norm` name one another's tensors. The
/// first row that fits is taken, and where a family has had two spellings the first is the one that is
/// written.
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

  let rows: [Row]

  init(_ rows: [(String, String)]) { self.rows = rows.map { Row($0, $1) } }

  /// The rows of several maps, one after the other.
  init(_ maps: [NameMap]) { rows = maps.flatMap(\.rows) }

  /// The canonical name of a tensor in a family's file; `nil` where it has none.
  func canonical(_ name: String) -> String? {
    for row in rows {
      if let result = Self.rewrite(name, row.original, as: row.canonical) { return result }
    }
    return nil
  }

  /// The name that a family's file has for a canonical one; `nil` where the family has no such tensor.
  func original(_ name: String) -> String? {
    for row in rows {
      if let result = Self.rewrite(name, row.canonical, as: row.original) { return result }
    }
    return nil
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
