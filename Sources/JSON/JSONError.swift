/// Why some bytes are not the JSON that was expected.
public struct JSONError: Error, Hashable {
  /// What is wrong, as a clause: `',' or '}' should stand here`.
  public let reason: String

  /// The byte where it is wrong, counted from the first one that the reader was given.
  public let offset: Int

  /// The members and indices that lead to the value, as `features` and `data`.
  public let path: [String]

  /// The path as people write it: `features.data`; `nil` at the outermost value.
  public var place: String? { path.isEmpty ? nil : path.joined(separator: ".") }
}

extension JSONError: CustomStringConvertible {
  /// Where it is wrong and what: `at byte 41 in 'features.data': a number should stand here`.
  public var description: String {
    "at byte \(offset)\(place.map { " in '\($0)'" } ?? ""): \(reason)"
  }
}
