extension Image {
  /// The picture as a file.
  ///
  /// - Parameters:
  ///   - format: one of `ImageFormat.encoded`; traps on another one.
  ///   - quality: 1 to 100, of formats that lose something; traps on another one.
  /// - Returns: the file's bytes.
  /// - Throws: `ImageError.sideTooLong` where a side exceeds what the format takes,
  ///   `ImageError.outOfMemory`.
  public func encoded(as format: ImageFormat, quality: Int = 90) throws(ImageError) -> [UInt8] {
    precondition(1...100 ~= quality, "a quality of \(quality)")
    precondition(width >= 1 && height >= 1, "\(width) x \(height) pixels")
    guard let codec = ImageCodecs.codec(of: format) as? any EncodingImageCodec.Type else {
      preconditionFailure("pictures are not written as \(format.name)")
    }
    if max(width, height) > codec.maximumSide {
      throw .sideTooLong(width: width, height: height, limit: codec.maximumSide)
    }
    return try codec.encode(self, quality: quality)
  }
}
