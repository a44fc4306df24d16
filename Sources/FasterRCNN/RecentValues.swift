/// The most recently used values of a kind, made when they are first asked for.
struct RecentValues<Value> {
  private var entries: [(key: [Int], value: Value)] = []
  private let capacity: Int

  /// Makes a cache that keeps at most so many values.
  init(capacity: Int) {
    self.capacity = max(capacity, 1)
  }

  /// All that is kept.
  var values: [Value] { entries.map(\.value) }

  /// The value of a key; the one that was used longest ago makes room for a new one.
  mutating func value<Failure: Error>(
    for key: [Int], make: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    if let index = entries.lastIndex(where: { $0.key == key }) {
      let entry = entries.remove(at: index)
      entries.append(entry)
      return entry.value
    }
    // Before, so that what it holds is free for the new one.
    if entries.count == capacity { entries.removeFirst() }
    let value = try make()
    entries.append((key, value))
    return value
  }
}
