/// Memory for floats that is kept from call to call and grows to the largest need.
@safe public final class FloatBuffer {
  private var block = MemoryBlock()

  /// Makes an empty buffer.
  public init() {}

  /// Room for `count` floats, aligned to a cache line; the contents are lost where it has to grow.
  ///
  /// What nobody has written yet is zero: rows of a head beyond the last proposal must be numbers.
  ///
  /// - Throws: `ComputeError` where the system has no such memory to give; the buffer is then empty.
  @unsafe public func reserve(
    _ count: Int
  ) throws(ComputeError) -> UnsafeMutableBufferPointer<Float> {
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
    guard !overflow else { throw .outOfMemory(byteCount: Int.max) }
    if byteCount > block.count {
      // The old block goes first, so that both never exist at once.
      block = MemoryBlock()
      block = try MemoryBlock(zeros: byteCount)
    }
    // Safety: the block holds `count` floats, and lives until the buffer has to grow.
    return unsafe UnsafeMutableBufferPointer(
      start: block.address.assumingMemoryBound(to: Float.self), count: count)
  }
}
