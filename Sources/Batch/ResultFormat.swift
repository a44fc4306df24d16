public import Files

/// How results are written.
public enum ResultFormat: String, Sendable, CaseIterable {
  /// A line of JSON a picture: what the server would answer.
  case jsonLines = "jsonl"
  /// A line an object, and one for each picture without any.
  case csv
  /// COCO's annotations of all pictures in one document.
  case coco

  /// The format that a file's name asks for; `nil` where it asks for none.
  public init?(fileName: FileName) {
    if fileName.hasSuffix([".jsonl", ".ndjson"]) {
      self = .jsonLines
    } else if fileName.hasSuffix([".csv"]) {
      self = .csv
    } else if fileName.hasSuffix([".json"]) {
      self = .coco
    } else {
      return nil
    }
  }
}
