internal import FasterRCNN
internal import HTTP1
internal import JSON
internal import Tensors

/// An inference request of the Open Inference Protocol, version 2, over HTTP.
///
/// Sources: open-inference-protocol, `specification/protocol/inference_rest.md`; the binary tensor data
/// extension (triton-inference-server, `docs/protocol/extension_binary_data.md`). The body is JSON, or
/// JSON of a length that a header states with the tensors' bytes behind it, or one tensor alone.
struct InferenceRequest {
  /// An output that is asked for.
  struct Output {
    var name: InferenceTensor
    /// Which level of a pyramid's features; all of them where it is `nil`.
    var level: Int?
    /// Whether its data follow the JSON as bytes; what the request says of all where it is `nil`.
    var isBinary: Bool?
  }

  /// What the client calls the request, to be repeated.
  var id: String?

  /// The detector's parameters.
  var parameters: [NamedValue] = []

  /// What is to be worked on.
  var items: [BodyItem] = []

  /// The outputs that are asked for; the usual ones where there are none.
  var outputs: [Output] = []

  /// Whether outputs that do not say are binary.
  var isBinary = false

  /// How long the answer may take; `nil` where that is left to the server.
  var timeout: Duration?

  /// The header field that tells the length of the JSON.
  static let lengthField = "Inference-Header-Content-Length"

  /// Reads a request.
  ///
  /// - Parameters:
  ///   - body: the whole body.
  ///   - headerLength: what `Inference-Header-Content-Length` says; `nil` without one.
  /// - Throws: a `Problem` that names the place.
  init(_ body: [UInt8], headerLength: Int?) throws(Problem) {
    guard headerLength != 0 else {
      // A raw request: the body is the data of the one input, all outputs are binary.
      isBinary = true
      items = try RequestBody(nil, body, limits: MultipartLimits()).items
      return
    }
    let length = headerLength ?? body.count
    guard length >= 0, length <= body.count else {
      throw Problem(
        .malformedRequest,
        "\(Self.lengthField) is \(length), but the body has \(body.count) bytes.")
    }
    var inputs: [InferenceInput] = []
    do throws(JSONError) {
      inputs = try read(JSONReader(body, in: 0..<length))
    } catch {
      throw Problem(error)
    }
    try take(inputs, from: body, binaryStart: length)
  }

  /// Reads the JSON; members that are `null` are as those left out.
  ///
  /// - Returns: the entries of `inputs`.
  private mutating func read(_ text: JSONReader) throws(JSONError) -> [InferenceInput] {
    var reader = text
    var inputs: [InferenceInput] = []
    try reader.object { (name, reader) throws(JSONError) in
      if reader.takeNull() { return }
      switch name {
      case "id": id = try reader.text()
      case "parameters":
        for parameter in try reader.inferenceParameters() {
          switch parameter.name {
          case "binary_data_output": isBinary = try reader.flag(parameter)
          case "timeout": timeout = try reader.timeout(parameter)
          default: parameters.append(parameter)
          }
        }
      case "inputs":
        try reader.array { (index, reader) throws(JSONError) in
          // A pyramid has the most inputs, a level each.
          guard index < FeatureBody.maximumLevels else {
            throw reader.failure("there is one input, 'image' or 'features'")
          }
          inputs.append(try InferenceInput(&reader))
        }
      case "outputs":
        try reader.array { (index, reader) throws(JSONError) in
          guard index < InferenceTensor.outputs.count + FeatureBody.maximumLevels else {
            throw reader.failure("more outputs are asked for than there are")
          }
          outputs.append(try reader.inferenceOutput())
        }
      // KServe's client repeats what the path says.
      case "model_name", "model_version": try reader.skip()
      default: throw reader.failure("a request has id, parameters, inputs and outputs")
      }
    }
    try reader.finish()
    return inputs
  }

  /// What `Inference-Header-Content-Length` says; `nil` without one.
  static func headerLength(in fields: HTTPFields) throws(Problem) -> Int? {
    let values = fields.values(of: lengthField)
    guard let value = values.first else { return nil }
    guard values.count == 1, value.utf8.allSatisfy({ $0 &- 0x30 < 10 }), let length = Int(value)
    else {
      throw Problem(
        .malformedRequest, "\(lengthField) has to be one number of bytes.")
    }
    return length
  }

  private mutating func take(
    _ inputs: [InferenceInput], from body: [UInt8], binaryStart: Int
  ) throws(Problem) {
    let levels = inputs.compactMap(\.level)
    guard let input = inputs.first, inputs.count == 1 || levels.count == inputs.count else {
      throw Problem(
        .malformedRequest,
        "An inference request has one input, 'image' or 'features'; this one has \(inputs.count).")
    }
    var end = binaryStart
    var ranges: [Range<Int>] = []
    for input in inputs {
      let start = end
      if let size = input.binarySize {
        guard size >= 0, size <= body.count - start else {
          throw Problem(
            .malformedRequest,
            "The input '\(input.name)' announces \(size) bytes of binary data, but "
              + "\(body.count - start) follow the JSON.")
        }
        end += size
      }
      ranges.append(start..<end)
      parameters += input.parameters
    }
    guard end == body.count else {
      throw Problem(
        .malformedRequest, "\(body.count - end) bytes follow that belong to no input.")
    }
    guard !levels.isEmpty else {
      items = try input.items(body, binary: ranges[0])
      return
    }
    guard levels.sorted() == Array(0..<levels.count) else {
      throw Problem(
        .malformedRequest, "The levels of a feature pyramid are numbered from 0, each once.")
    }
    var tensors = [Tensor?](repeating: nil, count: levels.count)
    for ((input, level), range) in zip(zip(inputs, levels), ranges) {
      tensors[level] = try input.features(body, range)
    }
    items = [.features(FeatureBody(levels: tensors.compactMap { $0 }))]
  }
}

extension JSONReader {
  /// Parameters that other servers know and that change nothing here.
  private static let ignoredParameters: Set<String> = [
    "sequence_id", "sequence_start", "sequence_end", "priority", "headers",
  ]

  /// Reads an object of parameters; those that the protocol reserves and nothing here needs are left
  /// out.
  mutating func inferenceParameters() throws(JSONError) -> [NamedValue] {
    var parameters: [NamedValue] = []
    try object { (name, reader) throws(JSONError) in
      if Self.ignoredParameters.contains(name) || name.hasPrefix("triton_") {
        try reader.skip()
      } else if !reader.takeNull() {
        parameters.append(NamedValue(name: name, value: try reader.parameterText()))
      }
    }
    return parameters
  }

  /// What a parameter says that is true or false.
  fileprivate func flag(_ parameter: NamedValue) throws(JSONError) -> Bool {
    guard let flag = Bool(parameter.value) else {
      throw failure("'\(parameter.name)' has to be true or false")
    }
    return flag
  }

  /// What the parameter `timeout` says: microseconds, as the protocol's clients state them; 0 is none.
  fileprivate func timeout(_ parameter: NamedValue) throws(JSONError) -> Duration? {
    let limit = 1000 * RequestTimeout.maximumMilliseconds
    guard let count = Int(parameter.value), (0...limit).contains(count) else {
      throw failure("'timeout' has to be a whole number of microseconds from 0 to \(limit)")
    }
    return count == 0 ? nil : .microseconds(count)
  }

  /// Reads an entry of `outputs`.
  fileprivate mutating func inferenceOutput() throws(JSONError) -> InferenceRequest.Output {
    var found: (tensor: InferenceTensor, level: Int?)?
    var isBinary: Bool?
    try object { (member, reader) throws(JSONError) in
      if reader.takeNull() { return }
      switch member {
      case "name":
        let text = try reader.text()
        guard let output = InferenceTensor.named(text),
          InferenceTensor.outputs.contains(output.tensor)
        else {
          let names = InferenceTensor.outputs.map(\.rawValue).joined(separator: ", ")
          throw reader.failure("there is no output '\(text.excerpt)'; there are \(names)")
        }
        found = output
      case "parameters":
        for parameter in try reader.inferenceParameters() {
          switch parameter.name {
          case "binary_data": isBinary = try reader.flag(parameter)
          case "classification" where parameter.value == "0": break
          default:
            throw reader.failure(
              "the output parameter '\(parameter.name.excerpt)' is not supported")
          }
        }
      default: throw reader.failure("an output has name and parameters")
      }
    }
    guard let found else { throw failure("an output needs a name") }
    return InferenceRequest.Output(name: found.tensor, level: found.level, isBinary: isBinary)
  }
}
