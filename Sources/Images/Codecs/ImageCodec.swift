/// What there is to a picture format: one file that conforms, and one row in `ImageCodecs`.
protocol ImageCodec: SendableMetatype {
  /// Its names, media types and extensions.
  static var format: ImageFormat { get }

  /// Whether a file's first bytes are this format's.
  static func likeness(of bytes: Span<UInt8>) -> Likeness

  /// What is looked for where other bytes stand before the picture; `nil` where nothing can be told
  /// from bytes in the middle of others.
  static var embeddedSignature: [UInt8]? { get }

  /// Reads what the file says of itself; allocates nothing of the size that it states.
  ///
  /// - Parameters:
  ///   - bytes: the whole file, which `likeness` has said yes to.
  ///   - page: which of its pictures, counted from 0.
  /// - Returns: the header.
  /// - Throws: `ImageError` where the bytes end or break within the header, or state a kind that is not
  ///   decoded. A page that is not there may be told by `pageCount` instead.
  static func header(of bytes: Span<UInt8>, page: Int) throws(ImageError) -> ImageHeader

  /// Decodes to RGB of 8 bits; writes every pixel of the destination where it succeeds.
  ///
  /// - Returns: what was odd about the file.
  static func decode(
    _ bytes: Span<UInt8>, _ header: ImageHeader, _ decoder: ImageDecoder,
    into destination: ImageDestination
  ) throws(ImageError) -> [ImageWarning]
}

extension ImageCodec {
  static var embeddedSignature: [UInt8]? { nil }
}

/// A format that pictures can be written in.
protocol EncodingImageCodec: ImageCodec {
  /// The longest side that the format or its library takes.
  static var maximumSide: Int { get }

  /// Writes a picture, no side of which is longer than `maximumSide`.
  ///
  /// - Parameters:
  ///   - image: the picture.
  ///   - quality: 1 to 100, for formats that lose something.
  /// - Returns: the file's bytes.
  /// - Throws: `ImageError.outOfMemory`.
  static func encode(_ image: Image, quality: Int) throws(ImageError) -> [UInt8]
}

/// What a file's first bytes say about one format.
enum Likeness {
  /// They are this format's.
  case yes
  /// They are not.
  case no
  /// They are the beginning of its signature, and there are no more.
  case cutShort

  /// Compares the bytes with a signature.
  ///
  /// - Parameters:
  ///   - bytes: the file.
  ///   - signature: what the format's files begin with.
  ///   - least: the fewest bytes that are taken for a signature cut short.
  init(of bytes: Span<UInt8>, to signature: [UInt8], atLeast least: Int = 1) {
    if bytes.starts(with: signature) {
      self = .yes
    } else if bytes.count >= least, bytes.count < signature.count,
      bytes.starts(with: Array(signature.prefix(bytes.count)))
    {
      self = .cutShort
    } else {
      self = .no
    }
  }
}

/// The formats of this build, in the order in which they are listed and tried.
enum ImageCodecs {
  static let all: [any ImageCodec.Type] = {
    var codecs: [any ImageCodec.Type] = [JPEGCodec.self, PNGCodec.self]
    #if WebP
      codecs.append(WebPCodec.self)
    #endif
    #if TIFF
      codecs.append(TIFFCodec.self)
    #endif
    codecs += [BMPCodec.self, GIFCodec.self]
    #if HEIF
      codecs += [AVIFCodec.self, HEICCodec.self]
    #endif
    return codecs
  }()

  /// What names of files end in whose format this build leaves out.
  static let absentExtensions: [String] = {
    var extensions: [String] = []
    #if !WebP
      extensions.append("webp")
    #endif
    #if !TIFF
      extensions += ["tif", "tiff"]
    #endif
    #if !HEIF
      extensions += ["avif", "heic", "heif"]
    #endif
    return extensions
  }()

  /// How many bytes may stand before a picture: a line break, a byte order mark, the head of a part of
  /// a camera's stream.
  static let maximumLeadingBytes = 4096

  /// Finds the picture in a file: at its first byte, or where the first signature stands near the
  /// beginning of bytes that are otherwise nothing that is known.
  ///
  /// - Throws: `ImageError.empty`, `ImageError.unknownFormat`, or `ImageError.truncated` where there is
  ///   nothing but the beginning of a signature.
  static func locate(
    in bytes: Span<UInt8>
  ) throws(ImageError) -> (codec: any ImageCodec.Type, offset: Int) {
    do {
      return (codec(of: try ImageFormat(detecting: bytes)), 0)
    } catch {
      guard case .unknownFormat(let likeness) = error, [.text, .unrecognised].contains(likeness)
      else { throw error }
      for offset in 1..<max(1, min(bytes.count, maximumLeadingBytes)) {
        for codec in all {
          if let signature = codec.embeddedSignature, bytes.holds(signature, at: offset) {
            return (codec, offset)
          }
        }
      }
      throw error
    }
  }

  /// The codec of a format that this build has.
  static func codec(of format: ImageFormat) -> any ImageCodec.Type {
    guard let codec = all.first(where: { $0.format == format }) else {
      preconditionFailure("there is no codec of \(format.name)")
    }
    return codec
  }
}
