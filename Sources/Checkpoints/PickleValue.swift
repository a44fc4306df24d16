public import Tensors

/// What a file says beside its weights: a tree of plain values.
///
/// Classes and functions that a pickle names are never looked up; what they would have made stands
/// there as an `object` with its arguments.
public indirect enum PickleValue: Sendable {
  /// Python's `None`.
  case none
  /// A truth.
  case boolean(Bool)
  /// A whole number.
  case integer(Int)
  /// A whole number beyond 64 bits, in two's complement, lowest byte first.
  case hugeInteger([UInt8])
  /// A floating-point number.
  case number(Double)
  /// Text.
  case text(String)
  /// Bytes.
  case bytes([UInt8])
  /// A list.
  case list([PickleValue])
  /// A tuple; a `torch.Size` is one.
  case tuple([PickleValue])
  /// A set, in the order of the file.
  case set([PickleValue])
  /// A dictionary, in the order of the file; of a key that is given twice, the last value.
  case dictionary([Entry])
  /// A tensor or a NumPy array.
  case tensor(StoredTensor)
  /// A class or function, as `module.name`.
  case global(String)
  /// What calling something would have made: it, the arguments, and the state that was set.
  case object(name: String, arguments: [PickleValue], state: PickleValue?)
  /// A value that cannot be read, and why; the rest of the file is not touched by it.
  case unreadable(CheckpointError)

  /// A key and its value.
  public struct Entry: Sendable {
    /// The key.
    public let key: PickleValue
    /// The value.
    public let value: PickleValue
  }

  /// The value of a dictionary's text key, or of an object's attribute; `nil` where there is none.
  public subscript(key: String) -> PickleValue? {
    switch self {
    case .dictionary(let entries): entries.first { $0.key.text == key }?.value
    case .object(_, _, let state): state?[key]
    default: nil
    }
  }

  /// The text, if this is one.
  public var text: String? {
    guard case .text(let value) = self else { return nil }
    return value
  }

  /// The truth, if this is one.
  public var boolean: Bool? {
    guard case .boolean(let value) = self else { return nil }
    return value
  }

  /// The whole number, if this is one.
  public var integer: Int? {
    guard case .integer(let value) = self else { return nil }
    return value
  }

  /// The number, whole or not, if this is one.
  public var number: Double? {
    switch self {
    case .number(let value): value
    case .integer(let value): Double(value)
    default: nil
    }
  }

  /// The elements of a list, a tuple or a set; `nil` where this is none of them.
  public var elements: [PickleValue]? {
    switch self {
    case .list(let values), .tuple(let values), .set(let values): values
    default: nil
    }
  }

  /// The entries of a dictionary; `nil` where this is none.
  public var entries: [Entry]? {
    guard case .dictionary(let entries) = self else { return nil }
    return entries
  }
}
