internal import Images

/// What an answer of the detector may be.
enum AnswerFormat: Equatable {
  case json, safetensors, coco
  /// JSON, one line for each picture, as soon as it is done.
  case lines
  /// The picture with what was found drawn on it.
  case picture(ImageFormat)

  /// The answers that are pictures, the preferred one first.
  static let pictures = ImageFormat.encoded.map { Self.picture($0) }

  /// All of them, the preferred one first.
  static let all: [AnswerFormat] = [.json] + pictures + [.safetensors, .lines, .coco]

  /// What the parameter `format` may say.
  ///
  /// In which format a picture comes that it asks for stays `Accept`'s choice.
  enum Word: String, Sendable, CaseIterable {
    /// The whole answer as JSON.
    case json
    /// COCO's result rows, as JSON.
    case coco
    /// The picture with boxes drawn on it.
    case image
    /// Tensors in a safetensors file.
    case safetensors
    /// JSON, one line for each picture, as soon as it is done.
    case ndjson
  }

  /// The word that asks for it.
  var word: Word {
    switch self {
    case .json: .json
    case .safetensors: .safetensors
    case .coco: .coco
    case .lines: .ndjson
    case .picture: .image
    }
  }

  /// Its media type.
  var mediaType: String {
    switch self {
    case .json, .coco: MediaType.json
    case .picture(let format): format.mediaTypes[0]
    case .safetensors: MediaType.safetensors
    case .lines: MediaType.lines
    }
  }

  /// The format that an `Accept` prefers (RFC 9110 section 12.5.1); the first one offered where it
  /// prefers none, or takes none of them: an answer that was not asked for is of more use than none.
  ///
  /// Where pages are taken, a browser posts a form: the pictures that it lists are what a page may have
  /// in it, and not the answer that is wanted.
  static func preferred(by accept: String, among offered: [AnswerFormat]) -> AnswerFormat {
    let ranges = accept.split(separator: ",").compactMap { MediaType(parsing: trimmed($0)) }
    let isForm = ranges.contains { $0.name == "text/html" } && offered.contains(.json)
    let offered = isForm ? offered.filter { !pictures.contains($0) } : offered
    var best: (format: AnswerFormat, quality: Double)?
    for format in offered where format != .coco {
      let quality = quality(of: format.mediaType, in: ranges)
      if quality > best?.quality ?? 0 { best = (format, quality) }
    }
    return best?.format ?? offered[0]
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop { $0 == " " || $0 == "\t" })
  }

  /// The quality that the most specific range gives a type.
  private static func quality(of type: String, in ranges: [MediaType]) -> Double {
    let group = type.prefix { $0 != "/" } + "/*"
    for name in [type, String(group), "*/*"] {
      guard let range = ranges.first(where: { $0.name == name }) else { continue }
      guard let q = range.parameters.first(where: { $0.name == "q" }) else { return 1 }
      return Double(q.value).map { min(max($0, 0), 1) } ?? 0
    }
    return 0
  }
}
