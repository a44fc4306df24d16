#if HEIF
  internal import CHEIF
  internal import CPicture

  extension ImageFormat {
    /// AVIF: AV1 pictures in ISO base media files.
    public static let avif = ImageFormat(
      "AVIF", mediaTypes: ["image/avif"], fileExtensions: ["avif"])

    /// HEIC: HEVC pictures in ISO base media files, as telephones take them.
    public static let heic = ImageFormat(
      "HEIC", mediaTypes: ["image/heic", "image/heif"], fileExtensions: ["heic", "heif"])
  }

  /// AVIF through libheif.
  enum AVIFCodec: HEIFCodec {
    static let format = ImageFormat.avif
    static let brands = ["avif", "avis"]
    static let spreadsChroma = true
  }

  /// HEIC through libheif.
  enum HEICCodec: HEIFCodec {
    static let format = ImageFormat.heic
    static let brands = ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"]
    static let spreadsChroma = false
  }

  /// The primary picture of a HEIF file.
  ///
  /// How it is turned and cropped is a part of the picture and always applied; an Exif orientation beside
  /// that says nothing (ISO/IEC 23008-12, section 6.5.10). Samples of more than 8 bits keep the upper ones.
  protocol HEIFCodec: ImageCodec {
    /// The four letters that a file's first box may name.
    static var brands: [String] { get }

    /// Whether halved chroma is put between its neighbours, as Pillow's libavif does, or is as libheif
    /// makes it, whom pillow-heif calls.
    static var spreadsChroma: Bool { get }
  }

  extension HEIFCodec {
    static func likeness(of bytes: Span<UInt8>) -> Likeness {
      guard bytes.holds(Array("ftyp".utf8), at: 4) else { return .no }
      return brands.contains { bytes.holds(Array($0.utf8), at: 8) } ? .yes : .no
    }

    static func header(of bytes: Span<UInt8>, page: Int) throws(ImageError) -> ImageHeader {
      var found = cheif_header()
      var report = picture_report()
      // Safety: the function reads the span's bytes only.
      let status = unsafe bytes.withUnsafeBufferPointer { source in
        unsafe cheif_read_header(source.baseAddress, source.count, &found, &report)
      }
      let header = ImageHeader(
        format: format, width: Int(found.width), height: Int(found.height),
        colourMode: found.has_alpha ? .rgba : .rgb, bitDepth: Int(found.bits))
      if let error = report.error(status, header, byteCount: bytes.count, ImageLimits()) {
        throw error
      }
      guard header.width > 0, header.height > 0, header.width <= 0x7FFF_FFFF,
        header.height <= 0x7FFF_FFFF
      else {
        throw .corrupt(
          format, byteOffset: 0, detail: "its size is \(header.width) x \(header.height) pixels")
      }
      return header
    }

    static func decode(
      _ bytes: Span<UInt8>, _ header: ImageHeader, _ decoder: ImageDecoder,
      into destination: ImageDestination
    ) throws(ImageError) -> [ImageWarning] {
      var report = picture_report()
      // Safety: the function reads the span's bytes only, and checks that the destination holds the
      // picture; it writes every pixel where it succeeds.
      let status = unsafe try destination.withPointer { destination throws(ImageError) in
        unsafe bytes.withUnsafeBufferPointer { source in
          unsafe cheif_decode_rgb(
            source.baseAddress, source.count, destination, spreadsChroma, &report)
        }
      }
      if let error = report.error(status, header, byteCount: bytes.count, decoder.limits) {
        throw error
      }
      return []
    }
  }
#endif
