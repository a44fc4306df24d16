/// Header or trailer fields in the order in which they came, names compared without regard to case.
public struct HTTPFields: Sendable, Equatable {
  /// One field line.
  public struct Field: Sendable, Equatable {
    /// The name as it was sent.
    public var name: String

    /// The value without surrounding whitespace.
    public var value: String

    /// Makes a field line.
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The field lines in order.
  public private(set) var lines: [Field] = []

  /// Makes an empty list.
  public init() {}

  /// Adds a line at the end, leaving lines of the same name alone.
  public mutating func append(_ name: String, _ value: String) {
    lines.append(Field(name: name, value: value))
  }

  /// Adds a line at the end.
  mutating func append(_ field: Field) { lines.append(field) }

  /// The value of the only or first line of a name; setting it replaces every line of that name.
  public subscript(name: String) -> String? {
    get { lines.first { $0.name.equalsIgnoringASCIICase(name) }?.value }
    set {
      lines.removeAll { $0.name.equalsIgnoringASCIICase(name) }
      if let newValue { append(name, newValue) }
    }
  }

  /// The values of all lines of a name, in order.
  public func values(of name: String) -> [String] {
    lines.filter { $0.name.equalsIgnoringASCIICase(name) }.map(\.value)
  }
}

extension String {
  /// Whether two field names or tokens are the same (RFC 9110 section 5.1).
  func equalsIgnoringASCIICase(_ other: String) -> Bool {
    utf8.count == other.utf8.count
      && zip(utf8, other.utf8).allSatisfy { $0 == $1 || $0.asciiLowercased == $1.asciiLowercased }
  }
}

extension UInt8 {
  /// The byte, an ASCII capital turned into its small letter.
  var asciiLowercased: UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
  }
}
