public import JSON

extension ConfigValue {
  /// What a file of settings is held to: names of layers make objects large, but nothing deep.
  static let limits = JSONLimits(depth: 16, textBytes: 64 << 10, members: 1 << 14)

  /// Reads JSON text.
  ///
  /// - Parameter bytes: UTF-8 text.
  /// - Throws: `JSONError` with the place.
  public init(json bytes: [UInt8]) throws(JSONError) {
    var reader = JSONReader(bytes, limits: Self.limits)
    self = try Self.read(&reader)
    try reader.finish()
  }

  private static func read(_ reader: inout JSONReader) throws(JSONError) -> ConfigValue {
    switch try reader.kind() {
    case .object:
      var members: [Member] = []
      try reader.object { (name, reader) throws(JSONError) in
        members.append(Member(name, try read(&reader)))
      }
      return .object(members)
    case .array:
      var elements: [ConfigValue] = []
      try reader.array { (_, reader) throws(JSONError) in elements.append(try read(&reader)) }
      return .list(elements)
    case .string: return .text(try reader.text())
    case .boolean: return .boolean(try reader.boolean())
    case .number:
      let text = try reader.numberText()
      if let whole = JSONNumber.integer(text) { return .integer(whole) }
      guard let number = Double(text), number.isFinite else {
        throw reader.failure("the number \(text.prefix(32)) is out of range")
      }
      return .number(number)
    case .null:
      guard reader.takeNull() else { throw reader.failure("null should stand here") }
      return .null
    }
  }

  /// Writes the value; numbers as 32-bit floats, which is how they are used.
  public func write(to json: inout JSONWriter) {
    switch self {
    case .null: json.null()
    case .boolean(let value): json.boolean(value)
    case .integer(let value): json.integer(value)
    case .number(let value):
      // A whole number as it will be read again, whatever it came from: 0 for Python's -0.0, digits for 1e18.
      if let whole = Int(exactly: Float(value)) {
        json.integer(whole)
      } else {
        json.number(Float(value))
      }
    case .text(let value): json.string(value)
    case .list(let values):
      json.beginArray()
      for value in values { value.write(to: &json) }
      json.endArray()
    case .object(let members):
      json.beginObject()
      for member in members {
        json.key(member.name)
        member.value.write(to: &json)
      }
      json.endObject()
    }
  }
}
