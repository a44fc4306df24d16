import ArgumentParser
import Glibc

/// What a flag's text may say, and how it is read.
struct SettingForm<Value: Sendable>: Sendable {
  /// What stands behind the flag in the help, as `port`.
  let valueName: String

  /// What is accepted, as "a number from 0 to 65535".
  let expectation: String

  /// Reads the text; `nil` where it is not accepted.
  let parse: @Sendable (String) -> Value?
}

/// A choice that can be made by a flag or by an environment variable; the flag wins.
struct Setting<Value: Sendable>: Sendable {
  /// The flag without its dashes, as `head-timeout`.
  let name: String

  /// What it is for, and why one would change it.
  let purpose: String

  /// What applies where nothing is said.
  let standard: Value

  /// How the help writes `standard`.
  let standardText: String

  let form: SettingForm<Value>

  /// The environment variable, as `FRCNN_HEAD_TIMEOUT`.
  var variable: String { "FRCNN_" + name.uppercased().replacing("-", with: "_") }

  /// The flag's lines in the help.
  var help: ArgumentHelp {
    ArgumentHelp("\(purpose) [\(variable); \(standardText)]", valueName: form.valueName)
  }

  /// The value that applies: the flag's, else the variable's, else the standard.
  ///
  /// A variable that is empty counts as not set.
  func value(
    flag: String?, variables: (String) -> String? = EnvironmentVariables.value
  ) throws(Failure) -> Value {
    if let flag {
      guard let value = form.parse(flag) else {
        throw Failure(.usage, "--\(name) is '\(flag)'; it takes \(form.expectation)")
      }
      return value
    }
    guard let text = variables(variable), !text.isEmpty else { return standard }
    guard let value = form.parse(text) else {
      throw Failure(
        .configuration,
        "the environment variable \(variable) is '\(text)'; it takes \(form.expectation)")
    }
    return value
  }
}

extension Setting<Bool> {
  /// The value that applies to a flag without a value: true where it is given, else what the variable
  /// says.
  func value(isSet: Bool) throws(Failure) -> Bool {
    isSet ? true : try value(flag: nil)
  }
}

/// The process's environment.
enum EnvironmentVariables {
  /// The value of a variable, `nil` where it is not set.
  static func value(_ name: String) -> String? {
    // Safety: `getenv` returns a terminated string or nil, copied at once; nothing in this program
    // changes the environment.
    guard let text = unsafe getenv(name) else { return nil }
    return unsafe String(cString: text)
  }
}

extension SettingForm<String> {
  /// Any text that is not empty.
  static func text(_ valueName: String, _ expectation: String) -> Self {
    Self(valueName: valueName, expectation: expectation) { $0.isEmpty ? nil : $0 }
  }
}

extension SettingForm<Bool> {
  /// What the variable of a flag without a value may say.
  static let truth = Self(valueName: "truth", expectation: "1 or true, 0 or false") { text in
    switch text {
    case "1", "true": true
    case "0", "false": false
    default: nil
    }
  }
}

extension SettingForm<String?> {
  /// The path of a file.
  static let path = Self(valueName: "file", expectation: "the path of a file") {
    $0.isEmpty ? .none : .some($0)
  }
}

extension SettingForm<Int> {
  /// A whole number within bounds.
  static func number(_ valueName: String, _ range: ClosedRange<Int>) -> Self {
    Self(
      valueName: valueName,
      expectation: "a whole number from \(range.lowerBound) to \(range.upperBound)"
    ) { text in Int(text).flatMap { range.contains($0) ? $0 : nil } }
  }

  /// A number of bytes, perhaps with a unit of 1024 (KiB, MiB, GiB).
  static func byteCount(_ range: ClosedRange<Int>) -> Self {
    Self(
      valueName: "size",
      expectation: """
        a number of bytes from \(range.lowerBound) to \(range.upperBound), as 1048576, 1024KiB or 1MiB
        """
    ) { text in
      scaled(text, [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)], range)
    }
  }

  /// A number of pixels, perhaps in millions.
  static func pixelCount(_ range: ClosedRange<Int>) -> Self {
    Self(
      valueName: "count",
      expectation: """
        a number of pixels from \(range.lowerBound) to \(range.upperBound), as 64000000 or 64M
        """
    ) { text in scaled(text, [("M", 1_000_000), ("", 1)], range) }
  }

  private static func scaled(
    _ text: String, _ units: [(name: String, factor: Int)], _ range: ClosedRange<Int>
  ) -> Int? {
    for unit in units where text.hasSuffix(unit.name) {
      guard let count = Int(text.dropLast(unit.name.count)) else { return nil }
      let (value, overflow) = count.multipliedReportingOverflow(by: unit.factor)
      return !overflow && range.contains(value) ? value : nil
    }
    return nil
  }
}

extension SettingForm<Duration> {
  /// How long something may take: a millisecond to a day.
  static let timeout = duration(.milliseconds(1)...(.seconds(86_400)))

  /// A time in seconds, or with a unit (ms, s, m).
  static func duration(_ range: ClosedRange<Duration>) -> Self {
    Self(
      valueName: "time",
      expectation: """
        a time from \(range.lowerBound) to \(range.upperBound), as 30, 30s, 500ms or 2m
        """
    ) { text in
      for (unit, seconds) in [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("", 1.0)]
      where text.hasSuffix(unit) {
        guard let count = Double(text.dropLast(unit.count)), count >= 0, count <= 1e9 else {
          return nil
        }
        let duration = Duration.seconds(count * seconds)
        return range.contains(duration) ? duration : nil
      }
      return nil
    }
  }
}
