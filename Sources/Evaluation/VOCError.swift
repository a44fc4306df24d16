/// What is wrong with a file of a VOC dataset, and where.
public struct VOCError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kinds of faults.
  public enum Reason: Sendable, Equatable {
    /// The XML itself is broken; the string says how.
    case malformedXML(String)
    /// The file is sound XML but no VOC annotation; the string says what is missing or wrong.
    case invalidAnnotation(String)
    /// A line of a split list names no picture; the string says why.
    case invalidListEntry(String)
  }

  /// What is wrong.
  public let reason: Reason

  /// The file, relative to the dataset's folder.
  public let path: String

  /// The line, counted from 1.
  public let line: Int

  /// The place and the fault in one sentence.
  public var description: String {
    switch reason {
    case .malformedXML(let detail): "\(path):\(line): the XML is broken: \(detail)"
    case .invalidAnnotation(let detail): "\(path):\(line): not a VOC annotation: \(detail)"
    case .invalidListEntry(let detail): "\(path):\(line): \(detail)"
    }
  }
}
