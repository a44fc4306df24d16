extension Duration {
  /// The time in milliseconds with three decimals, as `12.345`; a negative time counts as none.
  public var millisecondsText: String {
    let (seconds, attoseconds) = max(self, .zero).components
    let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    let fraction = String(1000 + microseconds % 1000).dropFirst()
    return "\(microseconds / 1000).\(fraction)"
  }
}
