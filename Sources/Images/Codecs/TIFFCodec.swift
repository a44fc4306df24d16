#if TIFF
  internal import CPicture
  internal import CTIFF

  extension ImageFormat {
    /// TIFF 6.0 and BigTIFF.
    public static let tiff = ImageFormat(
      "TIFF", mediaTypes: ["image/tiff", "image/x-tiff"], fileExtensions: ["tif", "tiff"])
  }

  /// TIFF through libtiff: strips and tiles, grey, palette, RGB and CMYK of 1 to 16 bits a sample, each of
  /// a file's pages.
  ///
  /// Samples of 16 bits become what Pillow makes of them: the upper 8 bits of colours, and grey clipped to
  /// 255. Alpha is composited over white.
  enum TIFFCodec: ImageCodec {
    static let format = ImageFormat.tiff

    private static let signatures: [[UInt8]] = [
      [0x49, 0x49, 0x2A, 0x00], [0x4D, 0x4D, 0x00, 0x2A], [0x49, 0x49, 0x2B, 0x00],
      [0x4D, 0x4D, 0x00, 0x2B],
    ]

    static func likeness(of bytes: Span<UInt8>) -> Likeness {
      // Two letters and a number are not much: cut short, they are anything.
      for signature in signatures where bytes.starts(with: signature) { return .yes }
      return .no
    }

    static func header(of bytes: Span<UInt8>, page: Int) throws(ImageError) -> ImageHeader {
      try TIFFPage.find(page, in: bytes).header
    }

    static func decode(
      _ bytes: Span<UInt8>, _ header: ImageHeader, _ decoder: ImageDecoder,
      into destination: ImageDestination
    ) throws(ImageError) -> [ImageWarning] {
      let page = try TIFFPage.find(header.page, in: bytes)
      let (area, overflow) = page.codedArea
      guard !overflow, area <= max(decoder.limits.maximumPixels, 1 << 20) else {
        throw .unsupported(.tiff, detail: "its tiles are much larger than the picture")
      }
      var layout = page.layout
      var report = picture_report()
      // Safety: the function reads the span's bytes only, and checks that the destination holds the
      // picture; it writes every pixel where it succeeds.
      let status = unsafe try destination.withPointer { destination throws(ImageError) in
        unsafe bytes.withUnsafeBufferPointer { source in
          unsafe ctiff_decode_rgb(
            source.baseAddress, source.count, &layout, destination, decoder.acceptsTruncated,
            &report
          )
        }
      }
      if let error = report.error(status, header, byteCount: bytes.count, decoder.limits) {
        throw error
      }
      return report.warnings(height: header.height)
    }
  }

  /// One page of a TIFF file, as its directory states it.
  private struct TIFFPage {
    var header: ImageHeader
    var layout: ctiff_layout
    /// The pixels that are decoded, tiles' margins included.
    var codedArea: (Int, Bool)

    /// The most pages that are counted; one that is asked for is found behind them, too.
    static let countedPages = 1000

    /// Finds a page; where there are fewer, the last one, whose header says how many there are.
    static func find(_ page: Int, in bytes: Span<UInt8>) throws(ImageError) -> TIFFPage {
      var offset: Int?
      var seen: Set<Int> = []
      var found: Int?
      var index = 0
      while index < max(countedPages, page + 1) {
        guard let directory = TIFFDirectory(bytes, at: offset) else {
          if index == 0 { throw .truncated(.tiff, byteOffset: bytes.count) }
          break
        }
        if index <= page { found = offset }
        index += 1
        guard let next = directory.next, seen.insert(next).inserted else { break }
        offset = next
      }
      guard let directory = TIFFDirectory(bytes, at: found) else {
        throw .truncated(.tiff, byteOffset: bytes.count)
      }
      return try TIFFPage(directory, in: bytes, page: page, pageCount: index)
    }

    private init(
      _ directory: TIFFDirectory, in bytes: Span<UInt8>, page: Int, pageCount: Int
    ) throws(ImageError) {
      func one(_ tag: Int, default value: Int) -> Int {
        directory.integers(tag, in: bytes, limit: 1)?[0] ?? value
      }
      let width = one(256, default: 0)
      let height = one(257, default: 0)
      guard 1...0x7FFF_FFFF ~= width, 1...0x7FFF_FFFF ~= height else {
        throw .corrupt(
          .tiff, byteOffset: 4, detail: "page \(page + 1) states \(width) x \(height) pixels")
      }
      try Self.check(compression: one(259, default: 1))
      let samples = one(277, default: 1)
      let bits = directory.integers(258, in: bytes) ?? [1]
      guard 1...16 ~= samples, let depth = bits.first, bits.allSatisfy({ $0 == depth }),
        [1, 2, 4, 8, 16].contains(depth)
      else {
        let depths = bits.map { String($0) }.joined(separator: ", ")
        throw .unsupported(
          .tiff, detail: "it has \(samples) samples a pixel, of \(depths) bits")
      }
      let sampleFormat = directory.integers(339, in: bytes)?.first ?? 1
      guard sampleFormat == 1 || sampleFormat == 4 else {
        throw .unsupported(.tiff, detail: "its samples are signed or floating-point numbers")
      }
      let colour = try Self.colour(
        photometric: one(262, default: samples >= 3 ? 2 : 1), compression: one(259, default: 1),
        depth: depth)
      guard samples >= colour.count else {
        throw .corrupt(.tiff, byteOffset: 4, detail: "it has \(samples) samples a pixel")
      }
      // A fourth sample of RGB that nobody explains is alpha, as Pillow has it.
      let extra =
        directory.integers(338, in: bytes)?.first ?? (colour.kind == ctiff_kind_rgb ? 2 : 0)
      let hasAlpha = samples > colour.count && colour.kind != ctiff_kind_cmyk
      let alpha =
        switch hasAlpha ? extra : 0 {
        case 0: ctiff_alpha_none
        case 1: ctiff_alpha_multiplied
        default: ctiff_alpha_straight
        }
      layout = ctiff_layout(
        page: UInt32(clamping: page), kind: colour.kind, alpha: alpha,
        is_inverted: colour.isInverted, samples: UInt16(samples), bits: UInt16(depth))
      let tile = (one(322, default: 1), one(323, default: 1))
      codedArea = Self.area(width, height, tile)
      header = ImageHeader(
        format: .tiff, width: width, height: height,
        colourMode: alpha == ctiff_alpha_none ? colour.mode : colour.mode.withAlpha,
        bitDepth: depth, orientation: Orientation(directory, in: bytes),
        ignoredProfile: directory.byteRange(34675, in: bytes).flatMap {
          ColourProfile.nameUnlessSRGB(bytes.extracting($0))
        }, page: page, pageCount: pageCount)
    }

    private static func area(_ width: Int, _ height: Int, _ tile: (Int, Int)) -> (Int, Bool) {
      func padded(_ side: Int, _ tile: Int) -> Int {
        tile < 1 ? side : (side + min(tile, 1 << 40) - 1) / tile * tile
      }
      return padded(width, tile.0).multipliedReportingOverflow(by: padded(height, tile.1))
    }

    /// Lets through what other programs write and pictures come in; the rest is attack surface.
    private static func check(compression: Int) throws(ImageError) {
      switch compression {
      case 1, 2, 3, 4, 5, 7, 8, 32_773, 32_946: return
      case 6: throw .unsupported(.tiff, detail: "its JPEG data are of the kind before 1995")
      default: throw .unsupported(.tiff, detail: "its compression has the number \(compression)")
      }
    }

    private struct Colour {
      var kind: ctiff_kind
      var mode: ImageHeader.ColourMode
      /// The samples that are not alpha.
      var count: Int
      var isInverted = false
    }

    private static func colour(
      photometric: Int, compression: Int, depth: Int
    ) throws(ImageError) -> Colour {
      switch photometric {
      // Grey of 16 bits is never inverted, as Pillow has it.
      case 0: return Colour(kind: ctiff_kind_grey, mode: .grey, count: 1, isInverted: depth < 16)
      case 1: return Colour(kind: ctiff_kind_grey, mode: .grey, count: 1)
      case 2: return Colour(kind: ctiff_kind_rgb, mode: .rgb, count: 3)
      case 3 where depth <= 8: return Colour(kind: ctiff_kind_palette, mode: .palette, count: 1)
      case 5: return Colour(kind: ctiff_kind_cmyk, mode: .cmyk, count: 4)
      case 6 where compression == 7 && depth == 8:
        return Colour(kind: ctiff_kind_jpeg_ycc, mode: .rgb, count: 3)
      default:
        throw .unsupported(.tiff, detail: "its colours are of the kind number \(photometric)")
      }
    }
  }

  extension ImageHeader.ColourMode {
    fileprivate var withAlpha: Self { self == .grey ? .greyAlpha : self == .rgb ? .rgba : self }
  }
#endif
