extension Orientation {
  /// Reads the orientation from the TIFF structure of Exif data.
  ///
  /// Whatever is not understood gives `nil`, as if there were no Exif data: a picture is not worth
  /// less because its metadata are broken. Only the first directory is looked at.
  ///
  /// Source: Exif 2.32, section 4.5 and TIFF 6.0, section 2.
  ///
  /// - Parameters:
  ///   - bytes: the file.
  ///   - range: where in the file the TIFF structure lies; must be within it.
  init?(exif bytes: Span<UInt8>, in range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= bytes.count, "\(range) in \(bytes.count) bytes")
    let structure = bytes.extracting(range)
    guard let directory = TIFFDirectory(structure) else { return nil }
    self.init(directory, in: structure)
  }

  /// Reads the orientation that a directory states.
  init?(_ directory: TIFFDirectory, in structure: Span<UInt8>) {
    // SHORT as the standard says; LONG is written by some programs.
    guard let values = directory.integers(0x0112, in: structure, limit: 1) else { return nil }
    self.init(rawValue: values[0])
  }
}
