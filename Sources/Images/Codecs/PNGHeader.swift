internal import CPNG

extension PNGCodec {
  /// Reads the IHDR chunk of a PNG file, and the orientation where there is an eXIf chunk.
  ///
  /// Checksums are left to the decoder. Source: PNG (third edition), sections 5, 11.2.1 and 11.3.5.4.
  static func header(of bytes: Span<UInt8>, page: Int) throws(ImageError) -> ImageHeader {
    let header = 16
    guard bytes.count >= header + 13 else { throw .truncated(.png, byteOffset: bytes.count) }
    guard bytes.holds([0, 0, 0, 13] + Array("IHDR".utf8), at: 8) else {
      throw .corrupt(.png, byteOffset: 8, detail: "it does not begin with an IHDR chunk")
    }
    let width = bytes.bigEndian(at: header, byteCount: 4)
    let height = bytes.bigEndian(at: header + 4, byteCount: 4)
    let bitDepth = Int(bytes[header + 8])
    let colourType = bytes[header + 9]
    let interlacing = bytes[header + 12]
    guard 1...0x7FFF_FFFF ~= width, 1...0x7FFF_FFFF ~= height else {
      throw .corrupt(.png, byteOffset: header, detail: "its size is \(width) x \(height) pixels")
    }
    let colourMode: ImageHeader.ColourMode
    let bitDepths: [Int]
    switch colourType {
    case 0: (colourMode, bitDepths) = (.grey, [1, 2, 4, 8, 16])
    case 2: (colourMode, bitDepths) = (.rgb, [8, 16])
    case 3: (colourMode, bitDepths) = (.palette, [1, 2, 4, 8])
    case 4: (colourMode, bitDepths) = (.greyAlpha, [8, 16])
    case 6: (colourMode, bitDepths) = (.rgba, [8, 16])
    default:
      throw .corrupt(.png, byteOffset: header + 9, detail: "there is no colour type \(colourType)")
    }
    guard bitDepths.contains(bitDepth) else {
      throw .corrupt(
        .png, byteOffset: header + 8,
        detail: "colour type \(colourType) has no samples of \(bitDepth) bits")
    }
    guard bytes[header + 10] == 0, bytes[header + 11] == 0, interlacing <= 1 else {
      throw .corrupt(
        .png, byteOffset: header + 10,
        detail: "its compression, filter or interlace method is unknown")
    }
    return ImageHeader(
      format: .png, width: width, height: height, colourMode: colourMode, bitDepth: bitDepth,
      isProgressive: interlacing == 1, orientation: exifChunkOrientation(in: bytes),
      ignoredProfile: profileName(in: bytes))
  }

  /// The name of the first profile before the picture where it is not sRGB's.
  private static func profileName(in bytes: Span<UInt8>) -> String? {
    guard let payload = chunk("iCCP", in: bytes, before: "IDAT"),
      let end = payload.prefix(80).first(where: { bytes[$0] == 0 }), end + 2 < payload.upperBound
    else { return nil }
    let compressed = bytes.extracting(end + 2..<payload.upperBound)
    var profile = [UInt8](repeating: 0, count: 8192)
    let capacity = profile.count
    // Safety: the function reads the span's bytes only, and writes at most `capacity` of the array's.
    let count = unsafe compressed.withUnsafeBufferPointer { source in
      unsafe profile.withUnsafeMutableBufferPointer { target in
        unsafe cpng_inflate(source.baseAddress, source.count, target.baseAddress, capacity)
      }
    }
    return ColourProfile.nameUnlessSRGB(profile.span.extracting(0..<count))
  }

  /// The orientation of the first eXIf chunk, which may lie before or after the picture.
  private static func exifChunkOrientation(in bytes: Span<UInt8>) -> Orientation? {
    chunk("eXIf", in: bytes, before: "IEND").flatMap { Orientation(exif: bytes, in: $0) }
  }

  /// The contents of the first chunk of a type.
  private static func chunk(
    _ type: String, in bytes: Span<UInt8>, before end: String
  ) -> Range<Int>? {
    var offset = 8
    while bytes.count - offset >= 12 {
      let length = bytes.bigEndian(at: offset, byteCount: 4)
      let payload = offset + 8
      guard length <= bytes.count - payload - 4 else { return nil }
      if bytes.holds(Array(type.utf8), at: offset + 4) { return payload..<payload + length }
      if bytes.holds(Array(end.utf8), at: offset + 4) { return nil }
      offset = payload + length + 4
    }
    return nil
  }
}
