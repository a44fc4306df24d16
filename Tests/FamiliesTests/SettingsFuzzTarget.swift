@testable import Families

/// What is fuzzed of settings: the readers of a run's YAML, of a configuration in Python, and of the
/// JSON beside a model, with every family's own words.
///
/// Shared by the tests (a replay of the corpus with seeded mutations) and by libFuzzer
/// (`scripts/fuzz`).
enum SettingsFuzzTarget: String, CaseIterable, Sendable {
  case yaml
  case python
  case card

  /// Reads some bytes, and what came of them as settings.
  ///
  /// Traps where a promise is broken: a refusal without words, or a card that is not read as it was
  /// written.
  func run(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    switch self {
    case .yaml:
      do {
        let value = try YAMLReader.read(text)
        check { () throws(CardError) in try Detectron2.card(value) }
      } catch {
        precondition(!error.reason.isEmpty)
      }
    case .python:
      let value = PythonReader.assignments(text)
      check { () throws(CardError) in try MMDetection.card(value) }
    case .card:
      do {
        let reader = try CardReader.read(bytes)
        check { () throws(CardError) in reader.card }
        for family in Family.all {
          guard let arguments = family.arguments, let value = reader.arguments[arguments.group]
          else { continue }
          check { () throws(CardError) in try arguments.card(value) }
        }
      } catch {
        precondition(!error.reason.isEmpty)
      }
    }
  }

  private func check(_ read: () throws(CardError) -> ModelCard) {
    do throws(CardError) {
      let json = try read().json()
      let again = try CardReader.read(Array(json.utf8)).card
      precondition(again.json() == json, "\(json) is read as \(again.json())")
    } catch {
      precondition(!error.reason.isEmpty)
    }
  }
}
