extension Array where Element: BitwiseCopyable {
  /// Makes the count `newCount` where it differs; new elements are `value`, old ones are untouched.
  mutating func resize(to newCount: Int, filling value: Element) {
    if count > newCount {
      removeLast(count - newCount)
    } else if count < newCount {
      append(contentsOf: repeatElement(value, count: newCount - count))
    }
  }

  /// Makes the count at least `minimum`, so that a workspace grows and never shrinks.
  mutating func grow(to minimum: Int, filling value: Element) {
    if count < minimum { resize(to: minimum, filling: value) }
  }
}
