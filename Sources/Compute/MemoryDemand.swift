/// Tells when memory that one large need left behind is no longer asked for, so that it is given back.
struct MemoryDemand {
  /// So many needs in a row have to leave half of the memory unused.
  private static let patience = 16

  private var largest = 0
  private var count = 0

  /// Takes note of a need.
  ///
  /// - Parameters:
  ///   - need: The bytes that are needed now.
  ///   - held: The bytes that are held.
  /// - Returns: How many bytes would have done for a while; `nil` where what is held is kept.
  mutating func bytesThatWouldDo(for need: Int, held: Int) -> Int? {
    if need > held / 2 {
      (largest, count) = (0, 0)
      return nil
    }
    largest = max(largest, need)
    count += 1
    guard count >= Self.patience else { return nil }
    defer { (largest, count) = (0, 0) }
    return largest
  }
}
