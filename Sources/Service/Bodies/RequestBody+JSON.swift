internal import JSON
internal import Tensors

extension RequestBody {
  /// The members of a JSON body that are no parameters.
  static let jsonMembers = ["image", "images", "features", "url", "urls"]

  /// Reads `{"image": ...}`, `{"images": [...]}`, `{"features": {...}}`, `{"url": ...}` or `{"urls": [...]}`
  /// with parameters beside.
  ///
  /// A member that is `null` is as one left out: so many encoders write what nobody has set.
  static func json(_ bytes: [UInt8]) throws(Problem) -> RequestBody {
    var items: [BodyItem]?
    var given: String?
    var parameters: [NamedValue] = []
    var links: [Int: String] = [:]
    do throws(JSONError) {
      var reader = JSONReader(bytes)
      try reader.object { (name, reader) throws(JSONError) in
        if reader.takeNull() { return }
        guard jsonMembers.contains(name) else {
          parameters.append(NamedValue(name: name, value: try reader.parameterText()))
          return
        }
        if let given {
          throw reader.failure("'\(given)' and '\(name)' exclude each other")
        }
        given = name
        switch name {
        case "image": items = [.decodedPicture(try reader.base64())]
        case "images": items = try reader.pictures()
        case "url": links[0] = try reader.text()
        case "urls":
          items = []
          try reader.array { (index, reader) throws(JSONError) in
            let url = try reader.text()
            guard index <= maximumItems else { return }
            links[index] = url
          }
        default: items = [.features(try reader.features())]
        }
      }
      try reader.finish()
    } catch {
      throw Problem(error)
    }
    if !links.isEmpty {
      items = Array(repeating: notFetched, count: links.count)
    }
    guard let items else {
      throw Problem(
        .missingPicture,
        "The JSON body has no member 'image', 'images', 'features', 'url' or 'urls': a picture is "
          + "base64 text or a data URI.")
    }
    guard !items.isEmpty else {
      throw Problem(.missingPicture, "The list '\(given ?? "images")' is empty.")
    }
    guard items.count <= maximumItems else { throw tooManyItems }
    if given == "image", items[0].isEmpty { throw noBytes }
    var body = RequestBody(
      items: items, isBatch: given == "images" || given == "urls", parameters: parameters)
    body.links = links
    return body
  }

  /// What a request is told that has more pictures than one may have.
  static let tooManyItems = Problem(
    .malformedRequest,
    "The request has more than \(maximumItems) pictures; send several requests.",
    limit: .init(name: "pictures", value: maximumItems, unit: "pictures"))
}

extension JSONReader {
  /// The most texts or numbers that a parameter lists.
  private static let maximumListed = 256

  /// Reads the value of a parameter as a query would write it: numbers as they stand, whole ones as
  /// digits alone, lists divided by commas.
  mutating func parameterText() throws(JSONError) -> String {
    switch try kind() {
    case .string: return try text()
    case .number: return try plainNumberText()
    case .boolean: return try boolean() ? "true" : "false"
    case .array:
      var texts: [String] = []
      try array { (index, reader) throws(JSONError) in
        guard index < Self.maximumListed else {
          throw reader.failure("more than \(Self.maximumListed) values are listed")
        }
        let kind = try reader.kind()
        guard kind == .string || kind == .number else {
          throw reader.failure("a text or a number should stand here")
        }
        texts.append(kind == .string ? try reader.text() : try reader.plainNumberText())
      }
      return texts.joined(separator: ",")
    case .object, .null: throw failure("a text, a number or a list of them should stand here")
    }
  }

  /// Reads a number; `300.0` and `3e2` become `300`, as encoders write whole numbers that know floating
  /// point alone.
  private mutating func plainNumberText() throws(JSONError) -> String {
    let text = try numberText()
    return JSONNumber.integer(text).map(String.init) ?? text
  }

  /// Reads a list of pictures; one that is no base64 is told of in its place, and of those beyond the
  /// most that a request may have no more than their number is kept.
  fileprivate mutating func pictures() throws(JSONError) -> [BodyItem] {
    var items: [BodyItem] = []
    try array { (index, reader) throws(JSONError) in
      guard try reader.kind() == .string else { throw reader.expected(.string) }
      let content = try reader.stringContent()
      guard index <= RequestBody.maximumItems else { return }
      do throws(JSONError) {
        let bytes = try reader.decodeBase64(in: content)
        items.append(bytes.isEmpty ? .unreadable(RequestBody.noBytes) : .decodedPicture(bytes))
      } catch {
        items.append(.unreadable(Problem(error)))
      }
    }
    return items
  }

  /// Reads `{"shape": [...], "datatype": "FP32", "data": [...]}`, its members in any order, or
  /// `{"levels": [...]}` with a list of such objects, from the finest map.
  fileprivate mutating func features() throws(JSONError) -> FeatureBody {
    var levels: [Tensor]?
    let tensor = try featureMap { (reader) throws(JSONError) in
      var listed: [Tensor] = []
      try reader.array { (index, reader) throws(JSONError) in
        guard index < FeatureBody.maximumLevels else {
          throw reader.failure("more than \(FeatureBody.maximumLevels) feature maps are listed")
        }
        guard let tensor = try reader.featureMap(levels: nil) else {
          throw reader.failure("features need shape and data")
        }
        listed.append(tensor)
      }
      levels = listed
    }
    if let levels {
      guard tensor == nil, !levels.isEmpty else {
        throw failure("features have either levels, one at least, or shape and data")
      }
      return FeatureBody(levels: levels)
    }
    guard let tensor else { throw failure("features need shape and data") }
    return FeatureBody(levels: [tensor])
  }

  /// Reads the members of one feature map; `nil` where there are none of them.
  private mutating func featureMap(
    levels: ((inout JSONReader) throws(JSONError) -> Void)?
  ) throws(JSONError) -> Tensor? {
    var shape: Shape?
    var numbers: JSONNumbers<Float>?
    try object { (name, reader) throws(JSONError) in
      switch name {
      case "levels":
        guard let levels else { throw reader.failure("levels have no levels of their own") }
        try levels(&reader)
      case "shape": shape = try reader.shape()
      case "datatype":
        let type = try reader.text()
        guard type == "FP32" else {
          throw reader.failure("the datatype is '\(type.excerpt)', but has to be FP32")
        }
      case "data": numbers = try reader.numbers(Float.self, count: shape?.count)
      default:
        throw reader.failure("features have the members shape, datatype and data only, or levels")
      }
    }
    if shape == nil, numbers == nil { return nil }
    guard let shape, let numbers else { throw failure("features need shape and data") }
    return try tensor(numbers, shape: shape)
  }

  /// Reads a list of whole numbers as the extents of a tensor.
  mutating func shape() throws(JSONError) -> Shape {
    var extents: [Int] = []
    try array { (index, reader) throws(JSONError) in
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
  func tensor(_ numbers: JSONNumbers<Float>, shape: Shape) throws(JSONError) -> Tensor {
    guard numbers.values.count == shape.count, numbers.fits(shape.dimensions) else {
      throw failure(
        "the data are of \(Shape(numbers.nesting)), \(numbers.values.count) numbers, and not of "
          + "\(shape)")
    }
    return Tensor(shape: shape, values: numbers.values)
  }
}
