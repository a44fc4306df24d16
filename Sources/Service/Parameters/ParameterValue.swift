internal import FasterRCNN
internal import JSON
internal import Tensors

/// The text that a request gives for a parameter, read as the parameter's table asks.
struct ParameterValue {
  /// The parameter.
  let parameter: Parameter
  /// The name that the request used, which may be an alias.
  let name: String
  /// What it said.
  let text: String
  /// What it may say.
  private let values: Parameter.Values

  init(_ parameter: Parameter, at route: Route, name: String, text: String) {
    self.parameter = parameter
    self.name = name
    self.text = text
    values = parameter.values(at: route)
  }

  /// A decimal number in the parameter's range.
  func number() throws(Problem) -> Float {
    guard case .number(let range) = values else { mismatch() }
    guard let value = Self.decimal(text), range.contains(value) else {
      throw refusal(
        "has to be a number from \(range.lowerBound.plainText) to \(range.upperBound.plainText)")
    }
    return value
  }

  /// A decimal integer in the parameter's range.
  func integer() throws(Problem) -> Int {
    guard case .integer(let range) = values else { mismatch() }
    guard let value = Int(text), range.contains(value) else {
      throw refusal("has to be a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// Decimal numbers in the parameter's range, divided by commas.
  func numbers() throws(Problem) -> [Float] {
    guard case .numbers(let count, let range) = values else { mismatch() }
    let values = commaSeparated.map { Self.decimal($0) }
    guard count.contains(values.count), values.allSatisfy({ $0.map(range.contains) ?? false })
    else {
      let many = count.lowerBound == count.upperBound ? "\(count.upperBound)" : "one or two"
      throw refusal(
        "has to be \(many) numbers from \(range.lowerBound.plainText) to "
          + "\(range.upperBound.plainText), divided by commas")
    }
    return values.compactMap(\.self)
  }

  /// A height and a width in the parameter's range, divided by a comma.
  func size() throws(Problem) -> PictureSize {
    guard case .size(let range) = values else { mismatch() }
    let sides = commaSeparated.compactMap { Int($0) }.filter(range.contains)
    guard sides.count == 2, commaSeparated.count == 2 else {
      throw refusal(
        "has to be a height and a width from \(range.lowerBound) to \(range.upperBound), divided by "
          + "a comma")
    }
    return PictureSize(height: sides[0], width: sides[1])
  }

  /// One of the parameter's words, as the case that it names.
  func choice<Choice: RawRepresentable<String>>() throws(Problem) -> Choice {
    guard let choice = try words().first.flatMap(Choice.init(rawValue:)) else { mismatch() }
    return choice
  }

  /// Some of the parameter's words, as the cases that they name.
  func list<Choice: RawRepresentable<String>>() throws(Problem) -> [Choice] {
    try words().compactMap(Choice.init(rawValue:))
  }

  /// The words of the parameter's table that the text names: one, or several divided by commas where
  /// the table says so.
  func words() throws(Problem) -> [String] {
    switch values {
    case .oneOf(let words):
      guard words.contains(text) else {
        throw refusal("has to be one of \(words.joined(separator: ", "))")
      }
      return [text]
    case .listOf(let words):
      let chosen = commaSeparated
      guard chosen.allSatisfy(words.contains), Set(chosen).count == chosen.count else {
        throw refusal("has to list some of \(words.joined(separator: ", ")), each once")
      }
      return chosen
    case .number, .integer, .numbers, .size, .classes, .modelName: mismatch()
    }
  }

  /// Classes by number or label, divided by commas.
  func classes(of model: ModelDescription) throws(Problem) -> Set<Int> {
    guard values == .classes else { mismatch() }
    var classes: Set<Int> = []
    for entry in commaSeparated {
      // A label comes first, so that a class called "7" can be named.
      guard let index = model.labels.firstIndex(of: entry) ?? Int(entry),
        model.labels.indices.contains(index)
      else {
        let labels = model.labels.prefix(100).joined(separator: ", ")
        throw refusal(
          "has to list numbers from 0 to \(model.labels.count - 1) or labels of \(labels); "
            + "'\(entry.excerpt)' is neither")
      }
      classes.insert(index)
    }
    return classes
  }

  /// The name of the model that the request is for already.
  func requireName(of model: ModelDescription) throws(Problem) {
    guard values == .modelName else { mismatch() }
    guard text == model.name else {
      throw refusal("has to stand in the query, where it chooses the model")
    }
  }

  private static func decimal(_ text: String) -> Float? {
    // `Float` also reads hexadecimal numbers, infinities and NaN, which are no decimal numbers.
    text.utf8.allSatisfy { "0123456789.+-eE".utf8.contains($0) } ? Float(text) : nil
  }

  private var commaSeparated: [String] {
    text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }

  private func refusal(_ rule: String) -> Problem {
    Problem(
      .invalidParameter, "The parameter '\(name)' is '\(text.excerpt)', but \(rule).",
      parameter: parameter.rawValue)
  }

  private func mismatch() -> Never {
    preconditionFailure("\(parameter) is read as something else than \(values)")
  }
}

extension Float {
  /// The number as a person writes it: `1`, not `1.0`.
  fileprivate var plainText: String { Int(exactly: self).map(String.init) ?? description }
}
