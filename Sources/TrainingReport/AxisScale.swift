/// From values to places along an axis, with marks at round numbers.
struct AxisScale {
  /// The values at both ends.
  let domain: ClosedRange<Double>

  /// The values that are marked.
  let ticks: [Double]

  /// The digits behind the point that tell the marks apart.
  let digits: Int

  /// Chooses ends and marks.
  ///
  /// - Parameters:
  ///   - values: the least and the greatest value.
  ///   - count: about how many marks; at least 2.
  ///   - isWidened: whether the ends are moved outwards to marks.
  init(_ values: ClosedRange<Double>, count: Int = 5, isWidened: Bool = true) {
    var (low, high) = (values.lowerBound, values.upperBound)
    // One value only: room about it.
    if high - low < 1e-12 * max(abs(low), abs(high), 1e-9) { high = low + max(abs(low), 1) }
    let rough = (high - low) / Double(max(count, 2))
    var power = 1.0
    var digits = 0
    while power > rough {
      power /= 10
      digits += 1
    }
    while power * 10 <= rough { power *= 10 }
    let step = power * ([1.0, 2, 5, 10].first { $0 * power >= rough } ?? 10)
    if step >= power * 10 { digits -= 1 }
    self.digits = max(digits, 0)
    let first = (low / step).rounded(isWidened ? .down : .up)
    let last = (high / step).rounded(isWidened ? .up : .down)
    if isWidened { (low, high) = (first * step, last * step) }
    domain = low...high
    ticks = first <= last ? (0...Int(last - first)).map { (first + Double($0)) * step } : []
  }

  /// Where a value lies, 0 to 1 from one end to the other.
  func share(of value: Double) -> Double {
    (value - domain.lowerBound) / (domain.upperBound - domain.lowerBound)
  }

  /// How a mark is written.
  func text(of tick: Double) -> String {
    // The rate's marks are small: 0.0005 is read, 0.00001 is not.
    guard digits > 4 else { return tick.fixed(digits) }
    guard tick != 0 else { return "0" }
    var (mantissa, exponent) = (tick, 0)
    while abs(mantissa) < 1 {
      mantissa *= 10
      exponent -= 1
    }
    let rounded = mantissa.fixed(1)
    return (rounded.hasSuffix(".0") ? String(rounded.dropLast(2)) : rounded) + "e\(exponent)"
  }
}
