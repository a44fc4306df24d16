internal import CJPEG
internal import CPNG

extension Image {
  /// The picture as a JPEG file: baseline, YCbCr with 4:2:0 sampling.
  ///
  /// - Parameter quality: libjpeg's quality, 1 to 100; traps on another one.
  /// - Returns: the file's bytes.
  /// - Throws: `ImageError.sideTooLong` where a side exceeds 65,500 pixels, `ImageError.outOfMemory`.
  public func encodedAsJPEG(quality: Int = 90) throws(ImageError) -> [UInt8] {
    precondition(1...100 ~= quality, "a quality of \(quality)")
    try checkSides(limit: 65_500)
    var encoded: UnsafeMutablePointer<UInt8>?
    var count = 0
    var report = cjpeg_report()
    // Safety: `Image` holds `3 * width * height` bytes, which is what the function reads.
    let status = unsafe pixels.withUnsafeBufferPointer { pixels in
      unsafe cjpeg_encode_rgb(
        pixels.baseAddress, UInt32(width), UInt32(height), Int32(quality), &encoded, &count, &report
      )
    }
    guard status == cjpeg_status_ok, let bytes = unsafe encoded else {
      throw .outOfMemory(width: width, height: height)
    }
    defer { unsafe cjpeg_free(bytes) }
    // Safety: on success the function gives `count` bytes.
    return unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: count))
  }

  /// The picture as a PNG file, 8 bits RGB.
  ///
  /// - Returns: the file's bytes.
  /// - Throws: `ImageError.sideTooLong` where a side exceeds 2^31 - 1 pixels,
  ///   `ImageError.outOfMemory`.
  public func encodedAsPNG() throws(ImageError) -> [UInt8] {
    try checkSides(limit: 0x7FFF_FFFF)
    var encoded: UnsafeMutablePointer<UInt8>?
    var count = 0
    var report = cpng_report()
    // Safety: `Image` holds `3 * width * height` bytes, which is what the function reads.
    let status = unsafe pixels.withUnsafeBufferPointer { pixels in
      unsafe cpng_encode_rgb(
        pixels.baseAddress, UInt32(width), UInt32(height), &encoded, &count, &report)
    }
    guard status == cpng_status_ok, let bytes = unsafe encoded else {
      throw .outOfMemory(width: width, height: height)
    }
    defer { unsafe cpng_free(bytes) }
    // Safety: on success the function gives `count` bytes.
    return unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: count))
  }

  private func checkSides(limit: Int) throws(ImageError) {
    precondition(width >= 1 && height >= 1, "\(width) x \(height) pixels")
    if max(width, height) > limit {
      throw .sideTooLong(width: width, height: height, limit: limit)
    }
  }
}
