/// Why a dataset cannot be used: what is wrong, where, and what to do.
public struct DatasetError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong.
  public enum Reason: Sendable, Equatable {
    /// A file or a folder cannot be read; the system's words.
    case unreadable(String)
    /// A file has more bytes than are read.
    case tooLarge(limit: Int)
    /// The XML itself is broken; the string says how.
    case malformedXML(String)
    /// The JSON itself is broken, or says something else than expected.
    case malformedJSON(String)
    /// The file is sound but no annotation; the string says what is missing or wrong.
    case invalidAnnotation(String)
    /// A line of a list names no picture; the string says why.
    case invalidListEntry(String)
    /// The folder has no layout that is known, or not the split that is asked for.
    case layout(String)
    /// Pictures that lists and annotations name are not there.
    case missingPictures([String])
  }

  /// What is wrong.
  public let reason: Reason

  /// The file, relative to the dataset's folder; empty for the folder itself.
  public let path: String

  /// The line, counted from 1, where the file has lines and one is meant.
  public let line: Int?

  /// Makes an error.
  public init(_ reason: Reason, path: String, line: Int? = nil) {
    self.reason = reason
    self.path = path
    self.line = line
  }

  /// Whether a file is missing rather than wrong.
  public var isMissingInput: Bool {
    switch reason {
    case .unreadable, .missingPictures: true
    default: false
    }
  }

  /// The place and the fault in one line.
  public var description: String {
    let place = path + (line.map { ":\($0)" } ?? "")
    let prefix = place.isEmpty ? "" : place + ": "
    return (prefix + words).printable
  }

  private var words: String {
    switch reason {
    case .unreadable(let detail): detail
    case .tooLarge(let limit): "it has more than \(limit) bytes, the most that are read"
    case .malformedXML(let detail): "the XML is broken: \(detail)"
    case .malformedJSON(let detail): "the JSON is broken: \(detail)"
    case .invalidAnnotation(let detail): "not an annotation: \(detail)"
    case .invalidListEntry(let detail), .layout(let detail): detail
    case .missingPictures(let names):
      "\(names.count) pictures are not there: " + names.prefix(5).joined(separator: ", ")
        + (names.count > 5 ? ", ..." : "")
    }
  }
}

extension String {
  /// The text for a terminal or a log: control characters, which could rule one, are written out.
  public var printable: String {
    guard unicodeScalars.contains(where: { Self.isControl($0) }) else { return self }
    var result = ""
    for scalar in unicodeScalars {
      if Self.isControl(scalar) {
        result += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: true
    default: false
    }
  }
}
