/// A name with its value, in one call; a value that is `nil` is written as `null`.
extension JSONWriter {
  /// Writes a member that is a string.
  public mutating func member(_ name: String, _ value: String?) {
    key(name)
    if let value { string(value) } else { null() }
  }

  /// Writes a member that is an integer.
  public mutating func member(_ name: String, _ value: Int?) {
    key(name)
    if let value { integer(value) } else { null() }
  }

  /// Writes a member that is a number.
  public mutating func member(_ name: String, _ value: Float?) {
    key(name)
    if let value { number(value) } else { null() }
  }

  /// Writes a member that is `true` or `false`.
  public mutating func member(_ name: String, _ value: Bool?) {
    key(name)
    if let value { boolean(value) } else { null() }
  }

  /// Writes a member that is a list of integers.
  public mutating func member(_ name: String, _ values: [Int]?) {
    key(name)
    if let values { integers(values) } else { null() }
  }

  /// Writes a member that is a list of strings.
  public mutating func member(_ name: String, _ values: [String]?) {
    key(name)
    guard let values else { return null() }
    beginArray()
    for value in values { string(value) }
    endArray()
  }

  /// Writes a member that is an object.
  public mutating func object(_ name: String, _ members: (inout JSONWriter) -> Void) {
    key(name)
    object(members)
  }

  /// Writes an object.
  public mutating func object(_ members: (inout JSONWriter) -> Void) {
    beginObject()
    members(&self)
    endObject()
  }

  /// Writes an array of integers.
  public mutating func integers(_ values: [Int]) {
    beginArray()
    for value in values { integer(value) }
    endArray()
  }
}
