internal import JSON

/// What is stated about a model beside its tensors: settings of its own, under the project's names.
///
/// A card comes from `NAME.json` beside a checkpoint, from a safetensors file's metadata, from what a
/// family's own files say, and from the family's table. Any key may be left out; the next source
/// stands then. `Key` is the list of all that can be said, with what each may be.
public struct ModelCard: Sendable, Equatable {
  /// What is said, by key; every value has its key's form.
  public private(set) var values: [Key: ConfigValue] = [:]

  /// Makes a card that says nothing.
  public init() {}

  /// What is said under a key; `nil` where nothing is.
  ///
  /// Traps on a value that has not the key's form: values from outside go through `state`.
  public subscript(key: Key) -> ConfigValue? {
    get { values[key] }
    set {
      precondition(
        newValue.map(key.form.accepts) ?? true,
        "\(key.rawValue) cannot be \(String(describing: newValue))")
      values[key] = newValue
    }
  }

  /// States a value from outside.
  ///
  /// - Throws: `CardError` where it has not the key's form; `path` is how the source names it.
  public mutating func state(
    _ key: Key, _ value: ConfigValue, path: String? = nil
  ) throws(CardError) {
    guard key.form.accepts(value) else {
      throw CardError(reason: "\"\(path ?? key.rawValue)\" must be \(key.form.words)")
    }
    values[key] = value
  }

  /// The card with what it leaves out taken from another.
  public func filled(from other: ModelCard) -> ModelCard {
    var result = self
    result.values.merge(other.values) { own, _ in own }
    return result
  }
}

/// Why settings cannot be used.
public struct CardError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong, as a clause with the key's name.
  public var reason: String

  /// Makes an error.
  public init(reason: String) { self.reason = reason }

  /// The reason.
  public var description: String { reason }
}

extension ModelCard {
  /// Names, in the order of answers; `nil` where none are stated.
  public var labels: [String]? { values[.labels]?.texts }

  /// The text under a key.
  public func text(_ key: Key) -> String? { values[key]?.text }

  /// The whole number under a key.
  public func integer(_ key: Key) -> Int? { values[key]?.integer }

  /// The number under a key.
  public func number(_ key: Key) -> Float? { values[key]?.number.map { Float($0) } }

  /// The numbers under a key.
  public func numbers(_ key: Key) -> [Float]? { values[key]?.numbers?.map { Float($0) } }

  /// For layers that may be computed in int8, the values of their input that are told apart: from 0 to a
  /// number, or between two numbers.
  public var int8InputRanges: [String: ClosedRange<Float>]? {
    get {
      values[.int8InputRanges]?.members.map { members in
        Dictionary(members.map { ($0.name, Self.range($0.value)) }, uniquingKeysWith: { $1 })
      }
    }
    set {
      values[.int8InputRanges] = newValue.map { ranges in
        .object(
          ranges.sorted { $0.key < $1.key }.map { name, range in
            let ends = [range.lowerBound, range.upperBound].map { ConfigValue.number(Double($0)) }
            return .init(name, range.lowerBound < 0 ? .list(ends) : ends[1])
          })
      }
    }
  }

  /// The range that a member of `int8InputRanges` stands for, which has been found to fit.
  private static func range(_ value: ConfigValue) -> ClosedRange<Float> {
    let ends = value.numbers ?? [0, value.number ?? 0]
    return Float(ends[0])...Float(ends[1])
  }
}

extension ModelCard {
  /// The card as JSON text in groups, keys in the order of the table.
  public func json() -> String {
    var json = JSONWriter()
    json.beginObject()
    var openGroup: String?
    for key in Key.allCases {
      guard let value = values[key] else { continue }
      let (group, name) = key.place
      if group != openGroup {
        if openGroup != nil { json.endObject() }
        if let group {
          json.key(group)
          json.beginObject()
        }
        openGroup = group
      }
      json.key(name)
      value.write(to: &json)
    }
    if openGroup != nil { json.endObject() }
    json.endObject()
    return String(decoding: json.bytes, as: UTF8.self)
  }
}
