/// How the values that a layer reads are spread, counted without keeping them.
///
/// 4,096 bins from 0 to a bound that doubles when a larger value comes: two bins become one then.
struct InputHistogram {
  private(set) var counts = [Int](repeating: 0, count: Self.binCount)
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
    widen(to: high)
    guard bound > 0 else {
      counts[0] += values.count
      total += values.count
      return
    }
    let factor = Float(Self.binCount) / bound
    for index in values.indices {
      let value = unsafe values[index]
      guard value.isFinite else { continue }
      counts[min(max(Int(value * factor), 0), Self.binCount - 1)] += 1
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
      for index in 0..<Self.binCount / 2 {
        counts[index] = counts[2 * index] + counts[2 * index + 1]
      }
      for index in Self.binCount / 2..<Self.binCount { counts[index] = 0 }
      bound *= 2
    }
  }

  /// The value below which a share of all values lies, to the width of a bin; at most the largest.
  func value(below share: Double) -> Float {
    guard share < 1 else { return maximum }
    let wanted = share * Double(total)
    var sum = 0
    for (index, count) in counts.enumerated() {
      sum += count
      if Double(sum) >= wanted {
        return min(Float(index + 1) * bound / Float(Self.binCount), maximum)
      }
    }
    return maximum
  }
}
