public import Dispatch

/// A duration as a number of some unit, as answers, logs and figures state it.
extension Duration {
  /// The time in seconds.
  public var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }

  /// The time in seconds, rounded up.
  public var wholeSecondsRoundedUp: Int {
    Int(clamping: components.seconds) + (components.attoseconds > 0 ? 1 : 0)
  }

  /// The time in milliseconds, rounded down.
  public var wholeMilliseconds: Int {
    Int(clamping: components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
  }

  /// The time in nanoseconds, as far as an integer reaches.
  public var wholeNanoseconds: Int {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max : Int(product) + Int(attoseconds / 1_000_000_000)
  }

  /// The time as Dispatch counts it; a negative time counts as none.
  public var timeInterval: DispatchTimeInterval { .nanoseconds(max(wholeNanoseconds, 0)) }

  /// The time in milliseconds with three decimals, as `12.345`; a negative time counts as none.
  public var millisecondsText: String {
    let (seconds, attoseconds) = max(self, .zero).components
    let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    let fraction = String(1000 + microseconds % 1000).dropFirst()
    return "\(microseconds / 1000).\(fraction)"
  }
}
