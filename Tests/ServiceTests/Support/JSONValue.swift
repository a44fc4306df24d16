import Foundation

/// A value of JSON, or of the part of YAML that stands for one.
indirect enum JSONValue: Equatable, Sendable {
  case null
  case boolean(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// Reads JSON by Foundation's parser, which is not ours.
  init(parsing bytes: [UInt8]) throws {
    self = try Self(JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed))
  }

  private init(_ value: Any) throws {
    switch value {
    case is NSNull: self = .null
    case let number as NSNumber where CFNumberIsBoolean(number): self = .boolean(number.boolValue)
    case let number as NSNumber: self = .number(number.doubleValue)
    case let string as String: self = .string(string)
    case let array as [Any]: self = .array(try array.map { try Self($0) })
    case let object as [String: Any]: self = .object(try object.mapValues { try Self($0) })
    default: throw UnexpectedValue(type: "\(type(of: value))")
    }
  }

  struct UnexpectedValue: Error { var type: String }

  subscript(key: String) -> JSONValue? {
    if case .object(let members) = self { members[key] } else { nil }
  }

  subscript(index: Int) -> JSONValue? {
    if case .array(let elements) = self, elements.indices.contains(index) {
      elements[index]
    } else {
      nil
    }
  }

  var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
  var members: [String: JSONValue] { if case .object(let members) = self { members } else { [:] } }
  var keys: Set<String> { Set(members.keys) }
  var text: String? { if case .string(let text) = self { text } else { nil } }
  var double: Double? { if case .number(let number) = self { number } else { nil } }
  var floats: [Float] { elements.compactMap { $0.double.map { Float($0) } } }
}

/// Foundation bridges JSON's booleans to numbers whose C type is that of `Bool`.
private func CFNumberIsBoolean(_ number: NSNumber) -> Bool {
  unsafe String(cString: number.objCType) == "c"
}
