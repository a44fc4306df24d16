internal import JSON

extension ModelCard {
  /// The largest file of settings that is read.
  public static let maximumByteCount = 1 << 20
}

/// What a file of settings says: a card, and what stands in it in a family's own words.
struct CardReader {
  private(set) var card = ModelCard()

  /// Members that are a family's own arguments, by the group's name.
  private(set) var arguments: [String: ConfigValue] = [:]

  /// Reads JSON text.
  ///
  /// A member that no key and no family knows is refused, with the nearest name that is known: a
  /// misspelt setting would be another model without a word.
  ///
  /// - Parameter json: UTF-8 text, at most 1 MiB.
  /// - Returns: what it says.
  /// - Throws: `CardError` with the place in the text, or the member that does not fit.
  static func read(_ json: [UInt8]) throws(CardError) -> CardReader {
    guard json.count <= ModelCard.maximumByteCount else {
      throw CardError(reason: "\(json.count) bytes are more than 1 MiB")
    }
    let value: ConfigValue
    do {
      value = try ConfigValue(json: json)
    } catch {
      throw CardError(reason: "it is no JSON \(error)")
    }
    return try CardReader(value)
  }

  init(_ value: ConfigValue) throws(CardError) {
    guard let members = value.members else {
      throw CardError(reason: "it must be an object, as {\"labels\": [\"cat\"]}")
    }
    let groups = Set(ModelCard.Key.allCases.compactMap(\.place.group))
    for member in members {
      let name = member.name
      if groups.contains(name), case .object(let inner) = member.value {
        for member in inner { try set(member, path: "\(name).\(member.name)") }
      } else if Family.argumentGroups.contains(name) {
        guard member.value.members != nil else {
          throw CardError(reason: "\"\(name)\" must be an object")
        }
        arguments[name] = member.value
      } else {
        try set(member, path: name)
      }
    }
  }

  private mutating func set(_ member: ConfigValue.Member, path: String) throws(CardError) {
    let keys = ModelCard.Key.allCases
    guard let key = keys.first(where: { $0.rawValue == path || $0.older == path }) else {
      let known = keys.map(\.rawValue) + keys.compactMap(\.older) + Family.argumentGroups.sorted()
      let nearest = known.min { path.editDistance(to: $0) < path.editDistance(to: $1) }
      let hint = nearest.flatMap { path.editDistance(to: $0) <= 3 ? $0 : nil }
      throw CardError(
        reason: "\"\(path.prefix(64))\" is no setting"
          + (hint.map { "; is \"\($0)\" meant?" } ?? "; docs/models.md lists them all"))
    }
    // JSON's null is a member left out, as encoders write it for what they have not.
    guard member.value != .null else { return }
    guard card[key] == nil else { throw CardError(reason: "\"\(path)\" is said twice") }
    try card.state(key, member.value, path: path)
  }
}

extension String {
  /// How many characters have to be put in, taken out or replaced to make one name of another
  /// (Levenshtein); names longer than 64 bytes count as far from everything.
  func editDistance(to other: String) -> Int {
    let (a, b) = (Array(utf8), Array(other.utf8))
    guard a.count <= 64, b.count <= 64 else { return .max }
    var row = Array(0...b.count)
    for (i, left) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, right) in b.enumerated() {
        let above = row[j + 1]
        row[j + 1] = Swift.min(above + 1, row[j] + 1, diagonal + (left == right ? 0 : 1))
        diagonal = above
      }
    }
    return row[b.count]
  }
}
