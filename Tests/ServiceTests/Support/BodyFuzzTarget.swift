import Images
@testable import Service
import JSON
import Tensors

/// What is fuzzed of the service: queries, and bodies of each form that has a grammar of its own.
///
/// Shared by the tests, which replay the corpus, and by libFuzzer (`scripts/fuzz json`).
enum BodyFuzzTarget: String, CaseIterable, Sendable {
  /// A target's query.
  case query
  /// A form; the first line is the content type, the rest the body.
  case multipart
  /// A body of `application/json`.
  case json
  /// A body of the Open Inference Protocol; the first two bytes, little-endian, are what
  /// `Inference-Header-Content-Length` says, and 65535 stands for its absence.
  case infer
  /// A body with a content coding, which the lowest bit of the first byte chooses.
  case inflate

  /// Reads some bytes; traps where a promise is broken.
  func run(_ bytes: [UInt8]) {
    switch self {
    case .query: Self.readQuery(bytes)
    case .multipart: Self.readForm(bytes)
    case .json:
      guard let body = try? RequestBody.json(bytes) else { return }
      precondition(body.parameters.count <= JSONLimits().members, "\(body.parameters.count)")
      Self.check(body.items, of: bytes)
    case .infer: Self.readInference(bytes)
    case .inflate: Self.undo(bytes)
    }
  }

  private static func readQuery(_ bytes: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self),
      let pairs = try? QueryString.pairs(of: text)
    else { return }
    precondition(pairs.count <= QueryString.maximumPairs, "\(pairs.count) pairs")
    let length = pairs.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    precondition(length <= bytes.count, "\(length) bytes of \(bytes.count)")
  }

  private static func readForm(_ bytes: [UInt8]) {
    let line = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
    let body = Array(bytes.dropFirst(line + 1))
    guard let text = String(validating: bytes[..<line], as: UTF8.self),
      let type = MediaType(parsing: text),
      let boundary = try? MultipartParser.boundary(of: type)
    else { return }
    let limits = MultipartLimits(
      maximumParts: 4, maximumHeaderBytes: 200, maximumHeaderLines: 4, maximumFieldBytes: 100)
    var parser = MultipartParser(body, boundary: boundary, limits: limits)
    guard let parts = try? parser.parts() else { return }
    precondition(parts.count <= limits.maximumParts, "\(parts.count) parts")
    var end = 0
    for part in parts {
      precondition(part.content.lowerBound >= end, "parts overlap")
      precondition(part.content.upperBound <= body.count, "\(part.content) of \(body.count)")
      end = part.content.upperBound
    }
  }

  private static func readInference(_ bytes: [UInt8]) {
    guard bytes.count >= 2 else { return }
    let stated = Int(bytes[0]) | Int(bytes[1]) << 8
    let body = Array(bytes.dropFirst(2))
    guard let request = try? InferenceRequest(body, headerLength: stated == 65535 ? nil : stated)
    else { return }
    precondition(request.outputs.count <= InferenceTensor.outputs.count, "\(request.outputs)")
    check(request.items, of: body)
  }

  /// Whether what came of a body could have been in it.
  private static func check(_ items: [BodyItem], of body: [UInt8]) {
    precondition(!items.isEmpty && items.count <= RequestBody.maximumItems, "\(items.count) items")
    for item in items {
      switch item {
      case .picture(let range):
        precondition(range.upperBound <= body.count && !range.isEmpty, "\(range) of \(body.count)")
      case .decodedPicture(let picture):
        precondition(picture.count < body.count, "\(picture.count) bytes of \(body.count)")
      case .pixels(let image):
        precondition(image.pixels.count == 3 * image.width * image.height, "\(image)")
        precondition(image.pixels.count <= body.count, "\(image.pixels.count) of \(body.count)")
      case .features(let features):
        // A number takes a byte at least, or four, or two in a half-precision file.
        for tensor in features.levels {
          precondition(tensor.shape.count <= body.count, "\(tensor.shape)")
        }
      case .unreadable: break
      }
    }
  }

  /// Undoes a coding within a limit, and does and undoes one of the bytes themselves.
  private static func undo(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let coding: ContentCoding = first & 1 == 0 ? .gzip : .deflate
    let body = Array(bytes.dropFirst())
    let limit = Inflation.freeLength * 3 / 2
    if let result = try? Inflation.undo(body, coding, limit: limit) {
      precondition(result.count <= limit, "\(result.count) bytes are more than \(limit)")
      precondition(
        result.count <= max(Inflation.freeLength, body.count * (Inflation.maximumRatio + 1)),
        "\(result.count) bytes of \(body.count)")
    }
    guard let coded = Compression.apply(coding, to: body) else { return }
    precondition(
      (try? Inflation.undo(coded, coding, limit: limit)) == body, "\(coding) is not undone")
  }
}
