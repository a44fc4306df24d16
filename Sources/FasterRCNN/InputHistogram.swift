/// How the values that a layer reads are spread, counted without keeping them.
///
/// 4,096 bins from 0 to a bound that doubles when a larger value comes: two bins become one then. As many
/// below 0.
struct InputHistogram {
  private var counts = [Int](repeating: 0, count: Self.binCount)
  private var negativeCounts = [Int](repeating: 0, count: Self.binCount)
  private(set) var bound: Float = 0
  private(set) var total = 0
  private(set) var minimum = Float.infinity
  private(set) var maximum = -Float.infinity

  private static let binCount = 4096

  /// Counts values; those that are not finite are left out.
  mutating func add(_ values: UnsafeBufferPointer<Float>) {
    var (low, high) = (Float.infinity, -Float.infinity)
    for index in values.indices {
      let value = unsafe values[index]
      guard value.isFinite else { continue }
      low = min(low, value)
      high = max(high, value)
    }
    guard low <= high else { return }
    (minimum, maximum) = (min(minimum, low), max(maximum, high))
    widen(to: max(high, -low))
    guard bound > 0 else {
      counts[0] += values.count
      total += values.count
      return
    }
    let factor = Float(Self.binCount) / bound
    for index in values.indices {
      let value = unsafe values[index]
      guard value.isFinite else { continue }
      let bin = min(Int(abs(value) * factor), Self.binCount - 1)
      if value < 0 { negativeCounts[bin] += 1 } else { counts[bin] += 1 }
      total += 1
    }
  }

  private mutating func widen(to value: Float) {
    guard value > bound else { return }
    guard bound > 0 else {
      bound = value
      return
    }
    while value > bound {
      Self.halve(&counts)
      Self.halve(&negativeCounts)
      bound *= 2
    }
  }

  private static func halve(_ counts: inout [Int]) {
    for index in 0..<binCount / 2 { counts[index] = counts[2 * index] + counts[2 * index + 1] }
    for index in binCount / 2..<binCount { counts[index] = 0 }
  }

  /// The value below which a share of all values lies, to the width of a bin; at most the largest.
  func value(below share: Double) -> Float {
    guard share < 1 else { return maximum }
    return min(magnitude(below: share, in: counts) ?? maximum, maximum)
  }

  /// The value above which a share of all values lies, to the width of a bin; at least the least.
  func value(above share: Double) -> Float {
    guard share < 1 else { return minimum }
    return max(magnitude(below: share, in: negativeCounts).map { -$0 } ?? minimum, minimum)
  }

  /// The magnitude below which a share of all values lies, where those of the other sign lie below all of
  /// this; `nil` where those do not reach it.
  private func magnitude(below share: Double, in counts: [Int]) -> Float? {
    var sum = total - counts.reduce(0, +)
    for (index, count) in counts.enumerated() {
      sum += count
      if Double(sum) >= share * Double(total) {
        return Float(index + 1) * bound / Float(Self.binCount)
      }
    }
    return nil
  }
}
