/// The most recently used values of a kind, made when they are first asked for.
struct PlanCache<Value> {
  private var entries: [(key: [Int], value: Value)] = []
  private let capacity: Int

  /// Makes a cache that keeps at most so many values.
  init(capacity: Int) {
    self.capacity = max(capacity, 1)
  }

  /// The value of a key; the one that was used longest ago makes room for a new one.
  mutating func value<Failure: Error>(
    for key: [Int], make: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    if let index = entries.lastIndex(where: { $0.key == key }) {
      let entry = entries.remove(at: index)
      entries.append(entry)
      return entry.value
    }
    let value = try make()
    if entries.count == capacity { entries.removeFirst() }
    entries.append((key, value))
    return value
  }
}
