/// Reads settings under the names that a family's own code has for them, row by row, into a card.
///
/// What no row reads and no list passes over is refused: a misspelt argument would be another model
/// without a word.
struct ArgumentReader {
  private let value: ConfigValue
  private(set) var card = ModelCard()
  private var known: Set<String> = []

  init(_ value: ConfigValue) { self.value = value }

  /// The value at the end of some names; `nil` where there is none, or it is nothing.
  subscript(path: String) -> ConfigValue? {
    mutating get {
      let names = path.split(separator: ".").map(String.init)
      if let first = names.first { known.insert(first) }
      let found = value[names]
      return found == .null ? nil : found
    }
  }

  /// States what stands at the end of some names under a key, perhaps made into another value.
  ///
  /// - Parameters:
  ///   - path: names with points between them.
  ///   - key: what it is here.
  ///   - make: what becomes of it; `nil` for a value that has not the form.
  /// - Throws: `CardError` where the value has not the key's form.
  mutating func take(
    _ path: String, as key: ModelCard.Key,
    _ make: (ConfigValue) -> ConfigValue? = { $0 }
  ) throws(CardError) {
    guard let found = self[path] else { return }
    guard let made = make(found) else {
      throw CardError(reason: "\"\(path)\" must be \(key.form.words)")
    }
    try card.state(key, made, path: path)
  }

  /// States a value that was made of several.
  mutating func state(_ key: ModelCard.Key, _ value: ConfigValue) throws(CardError) {
    try card.state(key, value)
  }

  /// Passes over arguments that mean nothing for a trained model.
  mutating func ignore(_ names: [String]) { known.formUnion(names) }

  /// Refuses an argument that nobody read.
  func finish() throws(CardError) -> ModelCard {
    for member in value.members ?? [] where !known.contains(member.name) {
      let nearest = known.min {
        member.name.editDistance(to: $0) < member.name.editDistance(to: $1)
      }
      let hint = nearest.flatMap { member.name.editDistance(to: $0) <= 3 ? $0 : nil }
      throw CardError(
        reason: "\"\(member.name.prefix(64))\" is no argument that is known"
          + (hint.map { "; is \"\($0)\" meant?" } ?? ""))
    }
    return card
  }
}

extension ConfigValue {
  /// The last element of a list, or the value itself: training draws among several, tests take the
  /// last.
  var last: ConfigValue? { elements.map { $0.last } ?? self }

  /// The side of a square that is given as one number or as two equal ones.
  var side: ConfigValue? {
    guard let elements else { return self }
    guard elements.count == 2, elements[0] == elements[1] else { return nil }
    return elements[0]
  }
}
