internal import Tensors

extension RequestBody {
  /// The members of a JSON body that are no parameters.
  static let jsonMembers = ["image", "images", "features"]

  /// Reads `{"image": ...}`, `{"images": [...]}` or `{"features": {...}}` with parameters beside.
  static func json(_ bytes: [UInt8]) throws(Problem) -> RequestBody {
    var reader = JSONReader(bytes)
    var items: [BodyItem]?
    var given: String?
    var parameters: [NamedValue] = []
    try reader.object { (name, reader) throws(Problem) in
      guard jsonMembers.contains(name) else {
        parameters.append(NamedValue(name: name, value: try reader.parameterText()))
        return
      }
      if let given {
        throw reader.failure("'\(given)' and '\(name)' exclude each other")
      }
      given = name
      switch name {
      case "image": items = [try reader.picture()]
      case "images": items = try reader.pictures()
      default: items = [.features(FeatureBody(values: try reader.features()))]
      }
    }
    try reader.finish()
    guard let items else {
      throw Problem(
        .missingPicture,
        "The JSON body has no member 'image', 'images' or 'features': a picture is base64 text or a "
          + "data URI.")
    }
    return RequestBody(items: items, isBatch: given == "images", parameters: parameters)
  }
}

extension JSONReader {
  /// The most texts or numbers that a parameter lists.
  private static let maximumListed = 256

  /// Reads the value of a parameter as a query would write it: numbers as they stand, lists divided by
  /// commas; `null` is the empty text.
  mutating func parameterText() throws(Problem) -> String {
    switch try kind() {
    case .string: return try text()
    case .number: return try numberText()
    case .boolean: return try boolean() ? "true" : "false"
    case .array:
      var texts: [String] = []
      try array { (index, reader) throws(Problem) in
        guard index < Self.maximumListed else {
          throw reader.failure("more than \(Self.maximumListed) values are listed")
        }
        let kind = try reader.kind()
        guard kind == .string || kind == .number else {
          throw reader.failure("a text or a number should stand here")
        }
        texts.append(kind == .string ? try reader.text() : try reader.numberText())
      }
      return texts.joined(separator: ",")
    case .object, .null: throw failure("a text, a number or a list of them should stand here")
    }
  }

  /// Reads a picture.
  mutating func picture() throws(Problem) -> BodyItem {
    .decodedPicture(try base64())
  }

  /// Reads a list of pictures; one that is no base64 is told of in its place.
  fileprivate mutating func pictures() throws(Problem) -> [BodyItem] {
    var items: [BodyItem] = []
    try array { (index, reader) throws(Problem) in
      guard index < RequestBody.maximumItems else {
        throw Problem(
          .malformedRequest,
          "The request has more than \(RequestBody.maximumItems) pictures; send several requests.",
          limit: .init(name: "pictures", value: RequestBody.maximumItems, unit: "pictures"))
      }
      guard try reader.kind() == .string else { throw reader.expected(.string) }
      let content = try reader.stringContent()
      do throws(Problem) {
        items.append(.decodedPicture(try reader.decodeBase64(content)))
      } catch {
        items.append(.unreadable(error))
      }
    }
    guard !items.isEmpty else {
      throw Problem(.missingPicture, "The list 'images' is empty.")
    }
    return items
  }

  /// Reads bytes that stand there as base64 or as a data URI (RFC 2397).
  mutating func base64() throws(Problem) -> [UInt8] {
    try decodeBase64(try stringContent())
  }

  private func decodeBase64(_ content: Range<Int>) throws(Problem) -> [UInt8] {
    var content = content
    // A comma belongs to no alphabet: it can only end a data URI's head.
    if let comma = bytes[content].prefix(256).firstIndex(of: UInt8(ascii: ",")) {
      let head = String(decoding: bytes[content.lowerBound..<comma], as: UTF8.self).lowercased()
      guard head.hasPrefix("data:"), head.hasSuffix(";base64") else {
        throw failure("a data URI has to begin like 'data:image/jpeg;base64,'", at: comma)
      }
      content = comma + 1..<content.upperBound
    }
    guard !content.isEmpty else { throw RequestBody.noBytes }
    switch Base64.decode(bytes, in: content) {
    case .success(let decoded): return decoded
    case .failure(let misplaced): throw failure("this is not base64", at: misplaced.offset)
    }
  }

  /// Reads `{"shape": [...], "datatype": "FP32", "data": [...]}`, its members in any order.
  fileprivate mutating func features() throws(Problem) -> Tensor {
    var shape: Shape?
    var numbers: JSONNumbers<Float>?
    try object { (name, reader) throws(Problem) in
      switch name {
      case "shape": shape = try reader.shape()
      case "datatype":
        let type = try reader.text()
        guard type == "FP32" else {
          throw reader.failure("the datatype is '\(type.excerpt)', but has to be FP32")
        }
      case "data": numbers = try reader.numbers(Float.self, count: shape?.count)
      default: throw reader.failure("features have the members shape, datatype and data only")
      }
    }
    guard let shape, let numbers else { throw failure("features need shape and data") }
    return try tensor(numbers, shape: shape)
  }

  /// Reads a list of whole numbers as the extents of a tensor.
  mutating func shape() throws(Problem) -> Shape {
    var extents: [Int] = []
    try array { (index, reader) throws(Problem) in
      guard index < Self.maximumRank else {
        throw reader.failure("a shape has more than \(Self.maximumRank) extents")
      }
      extents.append(try reader.integer())
    }
    guard let shape = Shape(checking: extents) else {
      throw failure("a shape's extents are negative or too large")
    }
    return shape
  }

  /// Gives numbers their shape.
  func tensor(_ numbers: JSONNumbers<Float>, shape: Shape) throws(Problem) -> Tensor {
    guard numbers.values.count == shape.count, numbers.fits(shape.dimensions) else {
      throw failure(
        "the data are of \(Shape(numbers.nesting)), \(numbers.values.count) numbers, and not of "
          + "\(shape)")
    }
    return Tensor(shape: shape, values: numbers.values)
  }
}
