/// Why a picture could not be taken in.
public enum ImageError: Error, Sendable, Hashable {
  /// There were no bytes at all.
  case empty

  /// The bytes are in no format of this build.
  case unknownFormat(UnknownFormat)

  /// A well-formed file of a variant that is not decoded; `detail` names the variant.
  case unsupported(ImageFormat, detail: String)

  /// The header states more pixels than are allowed; nothing was decoded.
  case tooManyPixels(width: Int, height: Int, limit: Int)

  /// The header states a side longer than is allowed; nothing was decoded.
  case sideTooLong(width: Int, height: Int, limit: Int)

  /// The picture is cut into more scans than are allowed, each of which costs a pass over it.
  case tooManyScans(limit: Int)

  /// The bytes end before the picture does.
  case truncated(ImageFormat, byteOffset: Int)

  /// The bytes break their format at about `byteOffset`; `detail` says how.
  case corrupt(ImageFormat, byteOffset: Int, detail: String)

  /// The file has fewer pages; both are counted from 1.
  case noSuchPage(Int, count: Int)

  /// The resized picture would be empty or larger than is allowed, because one side is so much
  /// longer than the other.
  case unusableShape(width: Int, height: Int, resizedWidth: Double, resizedHeight: Double)

  /// A library could not get the memory it needs.
  case outOfMemory(width: Int, height: Int)

  /// Which answer an error calls for.
  public enum Category: Sendable, Hashable {
    /// The picture is too large to be taken in: HTTP status 413.
    case tooLarge
    /// The format is not understood: HTTP status 415.
    case unsupportedFormat
    /// The format is understood, this file is not: HTTP status 422.
    case undecodable
    /// The file may be well, the machine is not: HTTP status 500.
    case outOfMemory
  }

  /// Which answer this error calls for.
  public var category: Category {
    switch self {
    case .tooManyPixels, .sideTooLong, .tooManyScans: .tooLarge
    case .empty, .unknownFormat, .unsupported: .unsupportedFormat
    case .truncated, .corrupt, .unusableShape, .noSuchPage: .undecodable
    case .outOfMemory: .outOfMemory
    }
  }
}

extension ImageError: CustomStringConvertible {
  /// What is wrong, where, and how to mend it, in a sentence or two for the one who sent the picture.
  public var description: String {
    switch self {
    case .empty:
      "There is no picture: zero bytes were given. Send the bytes of a file."
    case .unknownFormat(.base64):
      "The picture is base64 text, not the bytes of a picture. Decode it before sending it."
    case .unknownFormat(.unrecognised):
      "The picture is in no format that is known here. Send \(ImageFormat.namesText)."
    case .unknownFormat(let format):
      "The picture looks like \(format.rawValue), which is not decoded here. "
        + "Convert it to \(ImageFormat.namesText)."
    case .unsupported(let format, let detail):
      "The picture is a \(format.name) file of a kind that is not decoded: \(detail). "
        + "Save it as an ordinary file of 8 bits a sample, or as PNG."
    case .tooManyPixels(let width, let height, let limit):
      "The picture has \(width) x \(height) pixels; at most \(limit) in all are allowed. "
        + "Make it smaller."
    case .sideTooLong(let width, let height, let limit):
      "The picture has \(width) x \(height) pixels; a side may have at most \(limit). "
        + "Make it smaller."
    case .tooManyScans(let limit):
      "The JPEG picture is cut into more than \(limit) scans. "
        + "Save it again as an ordinary baseline or progressive JPEG."
    case .truncated(let format, let byteOffset):
      "The \(format.name) picture is cut short: the file ends at byte \(byteOffset), before its "
        + "pixels do. Send the whole file."
    case .corrupt(let format, let byteOffset, let detail):
      "The \(format.name) picture is damaged near byte \(byteOffset): \(detail). "
        + "Send an undamaged file."
    case .noSuchPage(let page, let count):
      "The file has \(count == 1 ? "one page" : "\(count) pages"), and page \(page) was asked for."
    case .unusableShape(let width, let height, let resizedWidth, let resizedHeight):
      "A picture of \(width) x \(height) pixels would be resized to \(Int(resizedWidth)) x "
        + "\(Int(resizedHeight)), which is of no use. Crop it to a less extreme shape."
    case .outOfMemory(let width, let height):
      "There is not enough memory to decode \(width) x \(height) pixels."
    }
  }
}
