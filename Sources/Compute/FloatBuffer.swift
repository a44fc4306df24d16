/// Memory for floats that is kept from call to call: it grows to the largest need, and shrinks where the
/// last sixteen needs were less than half of what is held.
@safe public final class FloatBuffer {
  private var block = MemoryBlock()
  private var demand = MemoryDemand()

  /// The bytes that the buffer holds.
  public var byteCount: Int { block.count }

  /// Makes an empty buffer.
  public init() {}

  /// Room for `count` floats, aligned to a cache line; the contents are lost where it grows or shrinks.
  ///
  /// What nobody has written yet is zero: rows of a head beyond the last proposal must be numbers.
  ///
  /// - Throws: `ComputeError` where the system has no such memory to give; the buffer is then empty.
  @unsafe public func reserve(
    _ count: Int
  ) throws(ComputeError) -> UnsafeMutableBufferPointer<Float> {
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
    guard !overflow else { throw .outOfMemory(byteCount: Int.max) }
    let less = demand.bytesThatWouldDo(for: byteCount, held: block.count)
    if byteCount > block.count || less != nil {
      // The old block goes first, so that both never exist at once.
      block = MemoryBlock()
      block = try MemoryBlock(zeros: max(byteCount, less ?? 0))
    }
    // Safety: the block holds `count` floats, and lives until the buffer has to grow.
    return unsafe UnsafeMutableBufferPointer(
      start: block.address.assumingMemoryBound(to: Float.self), count: count)
  }
}
