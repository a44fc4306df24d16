internal import HTTP1
internal import HTTPServer
internal import JSON

extension Door.Question {
  /// Reads a picture that is the body itself, or a file of a form, whatever the form's field is called.
  ///
  /// - Returns: the pictures, and the form's other fields.
  func pictures() throws(Problem) -> (items: [BodyItem], fields: [NamedValue]) {
    guard type?.name == MediaType.form else {
      guard !body.isEmpty else { throw RequestBody.noBytes }
      return ([.picture(0..<body.count)], [])
    }
    var parser = MultipartParser(
      body, boundary: try MultipartParser.boundary(of: type), limits: limits)
    var (items, fields): ([BodyItem], [NamedValue]) = ([], [])
    for part in try parser.parts() {
      if part.fileName != nil {
        if !part.content.isEmpty { items.append(.picture(part.content)) }
      } else if part.content.count <= limits.maximumFieldBytes {
        let value = String(decoding: body[part.content], as: UTF8.self)
        fields.append(NamedValue(name: part.name, value: value))
      }
    }
    guard !items.isEmpty else {
      throw Problem(
        .missingPicture,
        "The form has no file. Send the picture as one, as curl -F image=@photo.jpg.")
    }
    return (items, fields)
  }

  /// Reads JSON.
  func json<Value>(_ read: (inout JSONReader) throws(JSONError) -> Value) throws(Problem) -> Value {
    do throws(JSONError) {
      // Its own members may be many: a task of a labelling tool has what its users put into it.
      var reader = JSONReader(
        body, limits: JSONLimits(depth: 32, textBytes: 256 << 10, members: 1024))
      let value = try read(&reader)
      try reader.finish()
      return value
    } catch {
      throw Problem(error)
    }
  }
}

extension JSONReader {
  /// Reads a picture in one of the forms in which instances hold one: text of base64, or an object with
  /// such text under `b64`, or with either under a name that is one's own, as `image_bytes`.
  mutating func instance() throws(JSONError) -> BodyItem {
    switch try kind() {
    case .string: return .decodedPicture(try base64())
    case .object:
      var picture: BodyItem?
      try object { (name, reader) throws(JSONError) in
        let kind = try reader.kind()
        let isPicture = kind == .object || kind == .string
        guard picture == nil, isPicture, ["b64", "image", "image_bytes", "data"].contains(name)
        else {
          return try reader.skip()
        }
        picture = try reader.instance()
      }
      guard let picture else {
        throw failure("an instance needs a picture: {\"b64\": \"...\"} or {\"image\": \"...\"}")
      }
      return picture
    case .array, .number, .boolean, .null:
      throw failure("a picture should stand here: base64 text, or an object with it under 'b64'")
    }
  }

  /// Reads `{"instances": [...], "parameters": {...}}`.
  mutating func instances() throws(JSONError) -> (items: [BodyItem], parameters: [NamedValue]) {
    var (items, parameters): ([BodyItem], [NamedValue]) = ([], [])
    try object { (name, reader) throws(JSONError) in
      switch name {
      case "instances":
        try reader.array { (index, reader) throws(JSONError) in
          guard index < RequestBody.maximumItems else {
            throw reader.failure("there are more than \(RequestBody.maximumItems) instances")
          }
          items.append(try reader.instance())
        }
      case "parameters":
        if reader.takeNull() { return }
        try reader.object { (name, reader) throws(JSONError) in
          if reader.takeNull() { return }
          parameters.append(NamedValue(name: name, value: try reader.parameterText()))
        }
      default: try reader.skip()
      }
    }
    return (items, parameters)
  }
}

extension Door.Question {
  /// Reads `{"instances": [...], "parameters": {...}}` of a batch whose members succeed or fail together.
  func instances() throws(Problem) -> RequestBody {
    let (items, parameters) = try json { (reader) throws(JSONError) in try reader.instances() }
    guard !items.isEmpty else {
      throw Problem(.missingPicture, "The list 'instances' is empty or missing.")
    }
    guard !items.contains(where: \.isEmpty) else { throw RequestBody.noBytes }
    return RequestBody(items: items, parameters: parameters)
  }
}
