internal import Compute

extension FloatBuffer {
  /// Room for floats, with the detector's error.
  @unsafe func room(_ count: Int) throws(DetectorError) -> UnsafeMutableBufferPointer<Float> {
    do {
      return try unsafe reserve(count)
    } catch {
      throw .compute(error)
    }
  }
}
