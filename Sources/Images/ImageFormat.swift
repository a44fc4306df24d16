/// A file format that is decoded: what it is called, and by whom.
public struct ImageFormat: Sendable, Hashable {
  /// The name in small letters, as answers give it.
  public let identifier: String

  /// The name that people know it by.
  public let name: String

  /// Its media types; the first is the one that answers have.
  public let mediaTypes: [String]

  /// What its files' names end in, without the dot; the first is the one that is written.
  public let fileExtensions: [String]

  /// The formats of this build, in the order in which they are listed.
  public static let all: [ImageFormat] = ImageCodecs.all.map { $0.format }

  /// The formats that pictures can be written in, the preferred one first.
  public static let encoded: [ImageFormat] = ImageCodecs.all
    .compactMap { $0 as? any EncodingImageCodec.Type }.map { $0.format }

  /// What names of pictures end in, in small letters: of those formats too that this build leaves out, so that
  /// such a picture is one that cannot be read and not one that is not there.
  public static let pictureExtensions = Set(
    all.flatMap(\.fileExtensions) + ImageCodecs.absentExtensions)

  /// The names of all formats, as a sentence lists them.
  public static let namesText = {
    let names = all.map(\.name)
    return names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
  }()

  /// Tells the format by the first bytes; neither a name nor a content type is asked.
  ///
  /// - Throws: `ImageError.empty` or `ImageError.unknownFormat`, which says what the bytes look like.
  public init(detecting bytes: Span<UInt8>) throws(ImageError) {
    if bytes.isEmpty { throw .empty }
    var cutShort: ImageFormat?
    for codec in ImageCodecs.all {
      switch codec.likeness(of: bytes) {
      case .yes:
        self = codec.format
        return
      case .cutShort: cutShort = cutShort ?? codec.format
      case .no: break
      }
    }
    if let cutShort { throw .truncated(cutShort, byteOffset: bytes.count) }
    throw .unknownFormat(UnknownFormat(detecting: bytes))
  }

  init(_ name: String, mediaTypes: [String], fileExtensions: [String]) {
    identifier = name.lowercased()
    self.name = name
    self.mediaTypes = mediaTypes
    self.fileExtensions = fileExtensions
  }
}
