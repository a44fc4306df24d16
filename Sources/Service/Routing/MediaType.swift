internal import Images

/// A media type with its parameters, as `Content-Type` states it (RFC 9110 section 8.3.1).
struct MediaType: Hashable {
  struct Parameter: Hashable {
    /// The name in small letters.
    var name: String
    var value: String
  }

  /// Type and subtype in small letters, as `image/png`.
  var name: String
  var parameters: [Parameter]

  /// Reads a field value; `nil` where it is not one media type.
  init?(parsing text: String) {
    var scanner = HeaderScanner(text)
    guard let type = scanner.token(), scanner.skip(UInt8(ascii: "/")), let subtype = scanner.token()
    else { return nil }
    guard let parameters = scanner.parameters() else { return nil }
    name = "\(type)/\(subtype)".lowercased()
    self.parameters = parameters.map { Parameter(name: $0.name, value: $0.value) }
  }

  /// The types that a picture may come in as the whole body.
  ///
  /// Which format it is in is told by its bytes: curl calls whatever it sends a form, and no file's extension can be trusted.
  static let pictures = ofPictures.union([
    "application/octet-stream", "application/x-www-form-urlencoded",
  ])

  /// The types of the picture formats.
  static let ofPictures = Set(ImageFormat.all.flatMap(\.mediaTypes))

  static let form = "multipart/form-data"
  static let json = "application/json"

  /// What `numpy.save` writes; no type is registered for it.
  static let numPy = "application/x-npy"

  /// A safetensors file.
  static let safetensors = "application/vnd.safetensors"

  /// Lines of JSON, one document each (ndjson.org; no type is registered for it).
  static let lines = "application/x-ndjson"

  /// All types that a body for the detector may have.
  static let bodies = pictures.union([form, json, numPy, safetensors])

  /// What a client is told that has sent another one.
  static let advice =
    "Send the picture as \(listOfPictures) or application/octet-stream, as field 'image' of "
    + "multipart/form-data, or as base64 in application/json; features as application/json, "
    + "application/x-npy or application/vnd.safetensors."

  /// What `Accept` says in an answer of 415 (RFC 9110 section 12.5.1).
  static let acceptedText =
    "\(listOfPictures), application/octet-stream, multipart/form-data, application/json, "
    + "application/x-npy, application/vnd.safetensors"

  /// The picture formats' own types.
  private static let listOfPictures = ImageFormat.all.map { $0.mediaTypes[0] }
    .joined(separator: ", ")
}
