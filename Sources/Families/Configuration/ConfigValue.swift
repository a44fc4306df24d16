/// A value of some configuration, whatever it was written in: JSON, YAML, Python, or a pickle.
///
/// Families keep what they were trained with in all of these; one tree of plain values lets one table
/// read them.
public enum ConfigValue: Sendable, Equatable {
  /// Nothing: JSON's `null`, Python's `None`.
  case null
  /// A truth.
  case boolean(Bool)
  /// A whole number.
  case integer(Int)
  /// Any other number.
  case number(Double)
  /// Text.
  case text(String)
  /// Values in an order.
  case list([ConfigValue])
  /// Values by name, in the order in which they were written.
  case object([Member])

  /// A name and its value.
  public struct Member: Sendable, Equatable {
    /// The name.
    public var name: String
    /// The value.
    public var value: ConfigValue

    /// Makes a member.
    public init(_ name: String, _ value: ConfigValue) {
      self.name = name
      self.value = value
    }
  }
}

extension ConfigValue {
  /// The value of a member; `nil` where this is no object or has none of that name.
  public subscript(name: String) -> ConfigValue? {
    members?.last { $0.name == name }?.value
  }

  /// The value that a path of names leads to.
  subscript(path: [String]) -> ConfigValue? {
    path.reduce(Optional(self)) { $0?[$1] }
  }

  /// The members of an object.
  public var members: [Member]? {
    guard case .object(let members) = self else { return nil }
    return members
  }

  /// The elements of a list.
  public var elements: [ConfigValue]? {
    guard case .list(let elements) = self else { return nil }
    return elements
  }

  /// The text, if this is one.
  public var text: String? {
    guard case .text(let text) = self else { return nil }
    return text
  }

  /// The truth, if this is one, or a number that stands for one as in Python.
  public var truth: Bool? {
    switch self {
    case .boolean(let value): value
    case .integer(let value): value != 0
    default: nil
    }
  }

  /// The whole number, also where it is written as 300.0.
  public var integer: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }

  /// The number, whole or not.
  public var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// The numbers of a list of nothing but numbers.
  var numbers: [Double]? {
    guard let elements else { return nil }
    let numbers = elements.compactMap(\.number)
    return numbers.count == elements.count ? numbers : nil
  }

  /// The texts of a list of nothing but texts.
  var texts: [String]? {
    guard let elements else { return nil }
    let texts = elements.compactMap(\.text)
    return texts.count == elements.count ? texts : nil
  }

  /// A list of numbers, or a list of such lists, as lists of numbers; one number is a list of one.
  var rows: [[Double]]? {
    if let number { return [[number]] }
    if let numbers { return [numbers] }
    guard let elements else { return nil }
    let rows = elements.compactMap { row in row.number.map { [$0] } ?? row.numbers }
    return rows.count == elements.count ? rows : nil
  }
}
