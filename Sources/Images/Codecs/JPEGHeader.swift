extension JPEGCodec {
  /// Reads the segments of a JPEG file up to its first scan.
  ///
  /// Source: ITU-T T.81 annex B; the Adobe segment: Adobe Technical Note 5116, section 18.
  static func header(of bytes: Span<UInt8>, page: Int) throws(ImageError) -> ImageHeader {
    var frame: JPEGFrame?
    var adobeTransform: UInt8?
    var orientation: Orientation?
    var profile: String?
    var offset = 2
    while true {
      let (marker, start) = try nextMarker(in: bytes, from: offset)
      switch marker {
      case 0x01, 0xD0...0xD7:
        // TEM and RSTn stand alone; they have no length.
        offset = start
        continue
      case 0xD8: throw .corrupt(.jpeg, byteOffset: start, detail: "a second start marker")
      case 0xD9: throw .corrupt(.jpeg, byteOffset: start, detail: "it ends before any scan")
      default: break
      }
      guard bytes.count - start >= 2 else { throw .truncated(.jpeg, byteOffset: bytes.count) }
      let length = bytes.bigEndian(at: start, byteCount: 2)
      guard length >= 2 else {
        throw .corrupt(.jpeg, byteOffset: start, detail: "a segment of \(length) bytes")
      }
      guard bytes.count - start >= length else {
        throw .truncated(.jpeg, byteOffset: bytes.count)
      }
      let payload = start + 2..<start + length
      switch marker {
      case 0xC0...0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF:
        guard frame == nil else {
          throw .corrupt(.jpeg, byteOffset: start, detail: "a second frame header")
        }
        frame = try JPEGFrame(parsing: bytes, in: payload, marker: marker)
      case 0xDA:
        guard let frame else {
          throw .corrupt(.jpeg, byteOffset: start, detail: "a scan without a frame header")
        }
        return ImageHeader(
          format: .jpeg, width: frame.width, height: frame.height,
          colourMode: frame.colourMode(adobeTransform: adobeTransform), bitDepth: 8,
          isProgressive: frame.isProgressive, orientation: orientation,
          ignoredProfile: profile)
      case 0xE1 where bytes.holds(Array("Exif\0\0".utf8), at: payload.lowerBound):
        // The first one counts; Exif allows no second one.
        if orientation == nil, payload.count >= 6 {
          orientation = Orientation(exif: bytes, in: payload.dropFirst(6))
        }
      case 0xE2 where bytes.holds(profileSignature, at: payload.lowerBound) && payload.count > 14:
        // The first of several pieces has the tags that are looked at.
        if bytes[payload.lowerBound + 12] == 1 {
          profile = ColourProfile.nameUnlessSRGB(bytes.extracting(payload.dropFirst(14)))
        }
      case 0xEE
      where payload.count >= 12 && bytes.holds(Array("Adobe".utf8), at: payload.lowerBound):
        adobeTransform = bytes[payload.lowerBound + 11]
      default: break
      }
      offset = start + length
    }
  }

  private static let profileSignature = Array("ICC_PROFILE\0".utf8)

  /// Finds the next marker and where it ends, passing over fill bytes and what belongs to nothing.
  private static func nextMarker(
    in bytes: Span<UInt8>, from start: Int
  ) throws(ImageError) -> (marker: UInt8, end: Int) {
    var offset = start
    while offset < bytes.count - 1 {
      let next = bytes[offset + 1]
      if bytes[offset] == 0xFF, next != 0xFF, next != 0x00 { return (next, offset + 2) }
      offset += 1
    }
    throw .truncated(.jpeg, byteOffset: bytes.count)
  }
}

/// A frame header (SOFn) of a JPEG file.
private struct JPEGFrame {
  var width, height: Int
  var componentCount: Int
  var isProgressive: Bool

  init(parsing bytes: Span<UInt8>, in payload: Range<Int>, marker: UInt8) throws(ImageError) {
    let offset = payload.lowerBound
    guard payload.count >= 6 else {
      throw .corrupt(.jpeg, byteOffset: offset, detail: "a frame header of \(payload.count) bytes")
    }
    switch marker {
    case 0xC0, 0xC1, 0xC9: isProgressive = false
    case 0xC2, 0xCA: isProgressive = true
    case 0xC3, 0xCB: throw .unsupported(.jpeg, detail: "it is compressed without loss")
    default: throw .unsupported(.jpeg, detail: "it is hierarchical or differential")
    }
    let precision = bytes[offset]
    guard precision == 8 else {
      throw .unsupported(.jpeg, detail: "its samples have \(precision) bits")
    }
    height = bytes.bigEndian(at: offset + 1, byteCount: 2)
    width = bytes.bigEndian(at: offset + 3, byteCount: 2)
    componentCount = Int(bytes[offset + 5])
    guard width > 0, height > 0 else {
      throw .corrupt(.jpeg, byteOffset: offset, detail: "its size is \(width) x \(height) pixels")
    }
    guard [1, 3, 4].contains(componentCount) else {
      throw .unsupported(.jpeg, detail: "it has \(componentCount) colour components")
    }
    guard payload.count == 6 + 3 * componentCount else {
      throw .corrupt(.jpeg, byteOffset: offset, detail: "a frame header of \(payload.count) bytes")
    }
  }

  func colourMode(adobeTransform: UInt8?) -> ImageHeader.ColourMode {
    switch componentCount {
    case 1: .grey
    case 3: .rgb
    default: adobeTransform == 2 ? .ycck : .cmyk
    }
  }
}
