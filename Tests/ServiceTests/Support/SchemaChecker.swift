/// Holds values against the schemas of a document (JSON Schema 2020-12, the keywords that are used).
struct SchemaChecker {
  /// The document that references point into.
  let document: JSONValue

  /// What a reference points at; a value without one stands for itself.
  func resolve(_ value: JSONValue) -> JSONValue {
    guard let reference = value["$ref"]?.text else { return value }
    var target = document
    for name in reference.dropFirst(2).split(separator: "/") {
      target = target[String(name)] ?? .null
    }
    return target
  }

  /// What is wrong with a value, each with its place.
  func violations(of value: JSONValue, against schema: JSONValue, at path: String = "") -> [String]
  {
    let schema = resolve(schema)
    guard !schema.members.isEmpty else { return ["\(path): there is no such schema"] }
    return schema.members.flatMap { keyword, rule in
      violations(of: value, keyword, rule, in: schema, at: path)
    }
  }

  private func violations(
    of value: JSONValue, _ keyword: String, _ rule: JSONValue, in schema: JSONValue, at path: String
  ) -> [String] {
    let complaint = ["\(path): \(value) breaks \(keyword) \(rule)"]
    switch keyword {
    case "description", "default", "format", "examples": return []
    case "type":
      let names = rule.text.map { [$0] } ?? rule.elements.compactMap(\.text)
      return names.contains { isOfType(value, $0) } ? [] : complaint
    case "enum": return rule.elements.contains(value) ? [] : complaint
    case "const": return rule == value ? [] : complaint
    case "minimum":
      guard let number = value.double, let bound = rule.double else { return [] }
      return number >= bound ? [] : complaint
    case "maximum":
      guard let number = value.double, let bound = rule.double else { return [] }
      return number <= bound ? [] : complaint
    case "minItems":
      guard case .array(let elements) = value, let bound = rule.double else { return [] }
      return Double(elements.count) >= bound ? [] : complaint
    case "maxItems":
      guard case .array(let elements) = value, let bound = rule.double else { return [] }
      return Double(elements.count) <= bound ? [] : complaint
    case "pattern":
      guard let text = value.text, let pattern = rule.text, let regex = try? Regex(pattern) else {
        return complaint
      }
      return text.wholeMatch(of: regex) != nil ? [] : complaint
    case "required":
      guard case .object = value else { return [] }
      return rule.elements.compactMap(\.text).filter { value[$0] == nil }
        .map { "\(path): \($0) is missing" }
    case "properties":
      return rule.members.flatMap { name, schema in
        value[name].map { violations(of: $0, against: schema, at: "\(path)/\(name)") } ?? []
      }
    case "oneOf":
      let failures = rule.elements.map { violations(of: value, against: $0, at: path) }
      let count = failures.count(where: \.isEmpty)
      if count == 1 { return [] }
      // The nearest miss says most.
      let nearest = failures.min { $0.count < $1.count } ?? []
      return count == 0 ? nearest : ["\(path): \(count) of oneOf fit"]
    case "additionalProperties":
      if rule == .boolean(true) { return [] }
      let known = schema["properties"]?.keys ?? []
      if case .object = rule {
        return value.keys.subtracting(known).sorted().flatMap { name in
          violations(of: value[name] ?? .null, against: rule, at: "\(path)/\(name)")
        }
      }
      return value.keys.subtracting(known).map { "\(path): \($0) is not described" }
    case "items":
      return value.elements.enumerated().flatMap { index, element in
        violations(of: element, against: rule, at: "\(path)/\(index)")
      }
    default: return ["\(path): the keyword \(keyword) is not checked here"]
    }
  }

  private func isOfType(_ value: JSONValue, _ name: String) -> Bool {
    switch (name, value) {
    case ("null", .null), ("boolean", .boolean), ("number", .number), ("string", .string),
      ("array", .array), ("object", .object):
      true
    case ("integer", .number(let number)): number.rounded() == number
    default: false
    }
  }
}
