internal import HTTPServer

/// What the body of a request to detect holds: where the picture stands in it, and the parameters
/// that came with it.
struct RequestBody: Hashable {
  /// Where the picture's file stands in the body.
  var picture: Range<Int>

  /// The text fields of a form.
  var parameters: [NamedValue] = []

  /// The names of the fields that may hold the picture.
  static let pictureFields = ["image", "file"]

  /// Finds the picture in a request's body.
  ///
  /// - Parameters:
  ///   - type: the request's content type; `nil` where it states none, as a plain picture.
  ///   - bytes: the body.
  ///   - limits: how a form may be cut up.
  /// - Throws: a `Problem` where the form is malformed or holds no picture, or several.
  init(_ type: MediaType?, _ bytes: [UInt8], limits: MultipartLimits) throws(Problem) {
    guard let type, type.name == MediaType.form else {
      picture = 0..<bytes.count
      try requirePicture()
      return
    }
    var parser = MultipartParser(
      bytes, boundary: try MultipartParser.boundary(of: type), limits: limits)
    let parts = try parser.parts()
    let pictures = parts.filter { Self.pictureFields.contains($0.name) }
    guard let first = pictures.first else {
      throw Problem(
        .missingPicture,
        "The form has no field 'image' or 'file'. Send the picture as one of them, as curl -F "
          + "image=@photo.jpg does.")
    }
    guard pictures.count == 1 else {
      throw Problem(
        .malformedRequest,
        "The form has \(pictures.count) pictures. One request takes one picture; send several "
          + "requests, which may share a connection.",
        limit: .init(name: "pictures", value: 1, unit: "pictures"))
    }
    picture = first.content
    try requirePicture()
    for part in parts where !Self.pictureFields.contains(part.name) {
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
      parameters.append(NamedValue(name: part.name, value: value))
    }
  }

  private func requirePicture() throws(Problem) {
    if picture.isEmpty {
      throw Problem(
        .missingPicture,
        "The picture has no bytes. Send a JPEG or PNG file, as curl --data-binary @photo.jpg does.")
    }
  }
}
