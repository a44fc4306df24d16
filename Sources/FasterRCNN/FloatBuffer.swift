/// Memory for floats that is kept from call to call and grows to the largest need.
@safe final class FloatBuffer {
  private var buffer = unsafe UnsafeMutableBufferPointer<Float>(start: nil, count: 0)

  deinit { unsafe buffer.deallocate() }

  /// Room for `count` floats, aligned to a cache line; the contents are lost where it has to grow.
  @unsafe func reserve(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
    if unsafe count > buffer.count {
      unsafe buffer.deallocate()
      let raw = UnsafeMutableRawBufferPointer.allocate(
        byteCount: count * MemoryLayout<Float>.stride, alignment: 64)
      unsafe buffer = raw.bindMemory(to: Float.self)
      // What nobody has written yet (rows of the head beyond the last proposal) must be numbers.
      unsafe buffer.initialize(repeating: 0)
    }
    return unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<count])
  }
}
