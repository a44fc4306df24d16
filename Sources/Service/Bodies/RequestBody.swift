internal import FasterRCNN
internal import HTTPServer
internal import Images
internal import JSON
internal import Tensors

/// One thing to work on that a request's body holds.
enum BodyItem: Sendable {
  /// A picture's file: where it stands in the body.
  case picture(Range<Int>)
  /// A picture's file that was decoded out of text.
  case decodedPicture([UInt8])
  /// The pixels of a picture.
  case pixels(Image)
  /// A feature map; the sizes that the body itself states, if it does.
  case features(FeatureBody)
  /// One of several that cannot be read; the others are worked on all the same.
  case unreadable(Problem)

  /// Whether it is a picture's file without a byte.
  var isEmpty: Bool {
    switch self {
    case .picture(let range): range.isEmpty
    case .decodedPicture(let bytes): bytes.isEmpty
    case .pixels, .features, .unreadable: false
    }
  }
}

/// The feature maps of one picture as a body holds them.
struct FeatureBody: Sendable {
  /// The maps, from the finest; one unless the model has a feature pyramid.
  var levels: [Tensor]
  /// What the file says beside its tensors, under the names of parameters.
  var parameters: [NamedValue] = []

  /// The most maps that a pyramid has.
  static let maximumLevels = 8

  /// The numbers of all maps.
  var valueCount: Int { levels.reduce(0) { $0 + $1.values.count } }
}

/// What the body of a request holds: pictures or features, and the parameters that came with them.
struct RequestBody: Sendable {
  /// What is to be worked on; one unless `isBatch`.
  var items: [BodyItem]

  /// Whether the answer is a list: the request gave a list, or several pictures.
  var isBatch = false

  /// The text fields of a form or the members of a JSON object.
  var parameters: [NamedValue] = []

  /// The URLs of pictures that have to be fetched, by the place of each among the items, which holds
  /// `unreadable` until then.
  var links: [Int: String] = [:]

  /// The names of a form's fields that may hold pictures.
  static let pictureFields = ["image", "file"]

  /// The most pictures of one request: a lane is theirs for as long as they all take.
  static let maximumItems = 32

  /// Finds out what a request's body holds.
  ///
  /// - Parameters:
  ///   - type: the request's content type; `nil` where it states none, to be told by the bytes.
  ///   - bytes: the body.
  ///   - limits: how a form may be cut up.
  /// - Throws: a `Problem` where the body is malformed or holds nothing to work on.
  init(_ type: MediaType?, _ bytes: [UInt8], limits: MultipartLimits) throws(Problem) {
    switch type?.name {
    case MediaType.form:
      self = try Self.form(try MultipartParser.boundary(of: type), bytes, limits: limits)
    case MediaType.json: self = try Self.json(bytes)
    case MediaType.numPy: items = [.features(try FeatureFile.numPyArray(bytes))]
    case MediaType.safetensors: items = [.features(try FeatureFile.safetensors(bytes))]
    case let name? where MediaType.ofPictures.contains(name):
      items = [try Self.picture(0..<bytes.count)]
    default:
      switch FeatureFile.kind(of: bytes) {
      case .numPyArray: items = [.features(try FeatureFile.numPyArray(bytes))]
      case .safetensors: items = [.features(try FeatureFile.safetensors(bytes))]
      case nil: items = [try Self.picture(0..<bytes.count)]
      }
    }
  }

  init(items: [BodyItem], isBatch: Bool = false, parameters: [NamedValue] = []) {
    self.items = items
    self.isBatch = isBatch
    self.parameters = parameters
  }

  private static func form(
    _ boundary: String, _ bytes: [UInt8], limits: MultipartLimits
  ) throws(Problem) -> RequestBody {
    var parser = MultipartParser(bytes, boundary: boundary, limits: limits)
    // A file input that was left empty is sent as a part without a name or a byte (HTML, "multipart
    // form data"): nothing was meant to be sent by it.
    let parts = try parser.parts().filter { $0.fileName != "" || !$0.content.isEmpty }
    let pictures = parts.filter { pictureFields.contains($0.name) }
    guard !pictures.isEmpty else {
      throw Problem(
        .missingPicture,
        "The form has no field 'image' or 'file'. Send the picture as one of them, as curl -F "
          + "image=@photo.jpg does.")
    }
    var body = RequestBody(items: [], isBatch: pictures.count > 1)
    for part in pictures {
      if body.isBatch, part.content.isEmpty {
        body.items.append(.unreadable(noBytes))
      } else {
        body.items.append(try picture(part.content))
      }
    }
    for part in parts where !pictureFields.contains(part.name) {
      guard part.content.count <= limits.maximumFieldBytes,
        let value = String(validating: bytes[part.content], as: UTF8.self)
      else {
        throw Problem(
          .malformedMultipart,
          "The form's field '\(part.name.excerpt)' has to be UTF-8 text of at most "
            + "\(limits.maximumFieldBytes) bytes; pictures go into 'image' or 'file'.",
          parameter: part.name.excerpt,
          limit: .init(name: "field", value: limits.maximumFieldBytes, unit: "bytes"))
      }
      body.parameters.append(NamedValue(name: part.name, value: value))
    }
    return body
  }

  private static func picture(_ range: Range<Int>) throws(Problem) -> BodyItem {
    if range.isEmpty { throw noBytes }
    return .picture(range)
  }

  /// What stands in the place of a link until what it names is there.
  static let notFetched = BodyItem.unreadable(
    Problem(
      .fetchForbidden,
      "Pictures are not fetched by URL here, unless the operator names the hosts by --fetch-from. Send "
        + "the picture itself."))

  static let noBytes = Problem(
    .missingPicture,
    "The picture has no bytes. Send a file, as curl --data-binary @photo.jpg does.")
}
