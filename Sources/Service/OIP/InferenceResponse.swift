internal import Detection
internal import FasterRCNN
internal import HTTPServer
internal import JSON
internal import Observability
internal import Tensors

/// The answer to an inference request: JSON, and behind it the bytes of the outputs that were asked for
/// in binary, in their order.
struct InferenceResponse {
  var request: InferenceRequest
  var model: ModelDescription
  var findings: [Finding]
  var parameters: RequestParameters

  private enum Values {
    case floats([Float])
    case integers([Int])

    var count: Int {
      switch self {
      case .floats(let values): values.count
      case .integers(let values): values.count
      }
    }

    var elementBytes: Int { if case .floats = self { 4 } else { 8 } }
  }

  /// The bytes of the body, and how many of them are JSON where others follow.
  func encoded() throws(DetectionDocument.NonFiniteResult) -> (bytes: [UInt8], headerLength: Int?) {
    var outputs = request.outputs
    if outputs.isEmpty {
      outputs = InferenceTensor.usualOutputs.map { InferenceRequest.Output(name: $0) }
      if findings.count > 1 {
        outputs += [.init(name: .detectionCounts), .init(name: .proposalCounts)]
      }
    }
    var json = JSONWriter(reservingCapacity: 16_384)
    var binary: [UInt8] = []
    var hasBinary = false
    json.beginObject()
    json.member("model_name", model.name)
    json.member("model_version", model.version)
    if let id = request.id {
      json.member("id", id)
    }
    writeParameters(to: &json)
    json.key("outputs")
    json.beginArray()
    for (output, name, values, shape) in outputs.flatMap(tensors) {
      json.beginObject()
      json.member("name", name)
      json.member("datatype", output.name.datatype)
      json.member("shape", shape)
      if output.isBinary ?? request.isBinary {
        hasBinary = true
        guard Self.append(values, to: &binary) else { throw DetectionDocument.NonFiniteResult() }
        json.key("parameters")
        json.beginObject()
        json.member("binary_data_size", values.count * values.elementBytes)
        json.endObject()
      } else {
        json.key("data")
        switch values {
        case .integers(let values): json.integers(values)
        case .floats(let values):
          json.beginArray()
          for value in values { json.number(value) }
          json.endArray()
        }
      }
      json.endObject()
    }
    json.endArray()
    json.endObject()
    guard !json.hasNonFiniteNumber else { throw DetectionDocument.NonFiniteResult() }
    guard hasBinary else { return (json.bytes, nil) }
    return (json.bytes + binary, json.bytes.count)
  }

  /// Writes what an output of features needs to be sent back.
  private func writeParameters(to json: inout JSONWriter) {
    guard let features = findings.first?.result.features else { return }
    let (size, original) = (features.imageSize, features.originalSize)
    json.key("parameters")
    json.beginObject()
    json.member(Parameter.imageSize.rawValue, "\(size.height),\(size.width)")
    json.member(Parameter.scale.rawValue, "\(features.yScale),\(features.xScale)")
    json.member(Parameter.originalSize.rawValue, "\(original.height),\(original.width)")
    json.endObject()
  }

  /// The tensors of an output: several where it is the features of a pyramid.
  private func tensors(
    of output: InferenceRequest.Output
  ) -> [(output: InferenceRequest.Output, name: String, values: Values, shape: [Int])] {
    if output.name == .features, let levels = findings.first?.result.features?.levels,
      levels.count > 1
    {
      let wanted = output.level.map { $0..<$0 + 1 } ?? levels.indices
      return levels.indices.filter(wanted.contains).map { level in
        let (name, tensor) = (FeatureFile.tensorName(ofLevel: level), levels[level])
        return (output, name, .floats(tensor.values), tensor.shape.dimensions)
      }
    }
    let (values, shape) = values(of: output.name)
    return [(output, output.name.rawValue, values, shape)]
  }

  private func values(of output: InferenceTensor) -> (Values, shape: [Int]) {
    let results = findings.map(\.result)
    let objects = results.flatMap(\.objects)
    let proposals = results.map { $0.proposals.prefix(parameters.maximumProposals) }
    switch output {
    case .image: return (.floats([]), [0])
    case .features:
      guard let tensor = results.first?.features?.levels.first else {
        return (.floats([]), [0, 0, 0])
      }
      return (.floats(tensor.values), tensor.shape.dimensions)
    case .boxes: return (.floats(boxes { $0.objects.map(\.box) }), [objects.count, 4])
    case .scores: return (.floats(objects.map(\.score)), [objects.count])
    case .labels: return (.integers(objects.map(\.classID)), [objects.count])
    case .proposalIndices: return (.integers(objects.map(\.proposalIndex)), [objects.count])
    case .proposals:
      let count = proposals.reduce(0) { $0 + $1.count }
      let limit = parameters.maximumProposals
      return (.floats(boxes { $0.proposals.prefix(limit).map(\.box) }), [count, 4])
    case .objectness:
      let values = proposals.flatMap { $0.map(\.objectness) }
      return (.floats(values), [values.count])
    case .detectionCounts: return (.integers(results.map(\.objects.count)), [results.count])
    case .proposalCounts: return (.integers(proposals.map(\.count)), [results.count])
    }
  }

  private func boxes(_ boxes: (DetectionResult) -> [BoundingBox]) -> [Float] {
    findings.flatMap { finding in
      let writer = BoxWriter(parameters, imageSize: finding.result.imageSize)
      return boxes(finding.result).flatMap { box -> [Float] in
        let numbers = writer.numbers(of: box)
        return [numbers.0, numbers.1, numbers.2, numbers.3]
      }
    }
  }

  /// Appends elements as bytes, little-endian.
  ///
  /// - Returns: whether all of them are finite.
  private static func append(_ values: Values, to bytes: inout [UInt8]) -> Bool {
    switch values {
    case .floats(let values):
      unsafe values.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
      return values.allSatisfy(\.isFinite)
    case .integers(let values):
      unsafe values.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
      return true
    }
  }
}
