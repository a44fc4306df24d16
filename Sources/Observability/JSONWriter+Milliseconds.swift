public import JSON

extension JSONWriter {
  /// Writes a duration in milliseconds, rounded to microseconds: `12.345`.
  public mutating func milliseconds(_ value: Duration) {
    number(formatted: value.millisecondsText)
  }
}
