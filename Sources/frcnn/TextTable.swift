/// A table in plain text: columns as wide as their widest cell, two spaces apart.
struct TextTable {
  enum Alignment {
    case left
    case right
  }

  private let alignments: [Alignment]
  private var rows: [[String]]

  init(_ columns: [(title: String, alignment: Alignment)]) {
    alignments = columns.map(\.alignment)
    rows = [columns.map(\.title)]
  }

  /// Adds a row; traps unless there is a cell for each column.
  mutating func add(_ cells: [String]) {
    precondition(
      cells.count == alignments.count, "\(cells.count) cells, \(alignments.count) columns")
    rows.append(cells)
  }

  /// The lines, the titles first, each ended by a newline.
  var text: String {
    let widths = alignments.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        if column > 0 { line += "  " }
        line += alignments[column] == .left ? cell + padding : padding + cell
      }
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }
}

extension BinaryFloatingPoint {
  /// The number with so many digits behind the point.
  func fixed(_ digits: Int) -> String {
    let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
    let scaled = (Double(self) * scale).rounded()
    guard scaled.magnitude < 1e15 else { return "\(self)" }
    var text = String(Int(scaled.magnitude))
    text = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
    if digits > 0 { text.insert(".", at: text.index(text.endIndex, offsetBy: -digits)) }
    return (scaled < 0 ? "-" : "") + text
  }
}

extension Duration {
  /// The time in milliseconds.
  var milliseconds: Double { self / .milliseconds(1) }
}
