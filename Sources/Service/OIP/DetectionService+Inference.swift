internal import FasterRCNN
internal import HTTP1
internal import HTTPServer
internal import JSON
internal import Observability
internal import Synchronization

/// The Open Inference Protocol's questions about the server and its model.
extension DetectionService {
  /// The extensions that are understood, by the protocol's names.
  private static let extensions = [
    "binary_tensor_data", "model_configuration", "model_repository(index)", "parameters",
    "statistics",
  ]

  /// Answers a request of the protocol that is not an inference.
  func inferenceResponse(_ match: RouteMatch) throws(Problem) -> HTTPResponse {
    if match.route == .inferenceLive {
      _ = try livenessResponse()
      return Self.reply { $0.member("live", true) }
    }
    if match.route == .inferenceServer { return serverMetadata() }
    if match.route == .repositoryIndex { return repositoryIndex() }
    let model = try currentPhase.backend(retryAfter: settings.notReadyRetryAfter).model
    if match.route == .inferenceReady {
      _ = try readinessResponse()
      return Self.reply { $0.member("ready", true) }
    }
    try check(match, model)
    switch match.route {
    case .modelReady, .versionReady:
      _ = try readinessResponse()
      return Self.reply { json in
        json.member("name", model.name)
        json.member("ready", true)
      }
    case .modelConfiguration, .versionConfiguration: return configuration(of: model)
    case .allStatistics, .modelStatistics, .versionStatistics:
      let statistics = statistics.withLock { $0 }
      return Self.reply { json in
        json.key("model_stats")
        json.beginArray()
        statistics.write(to: &json, name: model.name, version: model.version)
        json.endArray()
      }
    default: return metadata(of: model)
    }
  }

  /// Refuses a model or a version that is not served.
  func check(_ match: RouteMatch, _ model: ModelDescription) throws(Problem) {
    if let name = match.values["model"], name != model.name {
      throw Problem(
        .notFound, "There is no model '\(name.excerpt)'; the model here is '\(model.name)'.")
    }
    if let version = match.values["version"], version != model.version {
      throw Problem(
        .notFound,
        "The model '\(model.name)' has no version '\(version.excerpt)'; it is at '\(model.version)'."
      )
    }
  }

  /// Why a path of the protocol is not answered, where it is one of an extension that is left out.
  static func refusalOfExtension(_ path: String) -> Problem? {
    let prefixes = [
      ("/v2/repository/models/", "loading and unloading models"),
      ("/v2/systemsharedmemory", "shared memory"), ("/v2/cudasharedmemory", "shared memory"),
      ("/v2/trace/", "trace settings"), ("/v2/logging", "log settings"),
    ]
    let isModelTrace = path.hasPrefix("/v2/models/") && path.hasSuffix("/trace/setting")
    let prefix = prefixes.first { path.hasPrefix($0.0) }
    guard let what = prefix?.1 ?? (isModelTrace ? "trace settings" : nil) else { return nil }
    return Problem(
      .notImplemented, "This server has no extension for \(what); GET /v2 lists those that it has.")
  }

  private func serverMetadata() -> HTTPResponse {
    Self.reply { json in
      json.member("name", "frcnn")
      json.member("version", "2")
      json.key("extensions")
      json.beginArray()
      for name in Self.extensions { json.string(name) }
      json.endArray()
    }
  }

  private func repositoryIndex() -> HTTPResponse {
    var json = JSONWriter()
    json.beginArray()
    if case .ready(let backend) = currentPhase {
      json.beginObject()
      json.member("name", backend.model.name)
      json.member("version", backend.model.version)
      json.member("state", "READY")
      json.member("reason", "")
      json.endObject()
    }
    json.endArray()
    return Self.reply(json)
  }

  private func metadata(of model: ModelDescription) -> HTTPResponse {
    Self.reply { json in
      json.member("name", model.name)
      json.key("versions")
      json.beginArray()
      json.string(model.version)
      json.endArray()
      json.member("platform", "frcnn_faster_rcnn")
      for (key, tensors) in [
        ("inputs", InferenceTensor.inputs), ("outputs", InferenceTensor.outputs),
      ] {
        json.key(key)
        json.beginArray()
        for tensor in tensors {
          json.beginObject()
          json.member("name", tensor.rawValue)
          json.member("datatype", tensor.datatype)
          json.member("shape", tensor.shape)
          json.endObject()
        }
        json.endArray()
      }
    }
  }

  /// The configuration in the form of Triton's `ModelConfig`, as its clients read it.
  private func configuration(of model: ModelDescription) -> HTTPResponse {
    Self.reply { json in
      json.member("name", model.name)
      json.member("platform", "frcnn_faster_rcnn")
      json.member("backend", "frcnn")
      json.member("max_batch_size", 0)
      for (key, tensors) in [
        ("input", InferenceTensor.inputs), ("output", InferenceTensor.outputs),
      ] {
        json.key(key)
        json.beginArray()
        for tensor in tensors {
          json.beginObject()
          json.member("name", tensor.rawValue)
          json.member(
            "data_type", tensor.datatype == "BYTES" ? "TYPE_STRING" : "TYPE_" + tensor.datatype)
          json.member("dims", tensor.shape)
          if key == "input" { json.member("optional", true) }
          json.endObject()
        }
        json.endArray()
      }
      json.key("parameters")
      json.beginObject()
      for (name, value) in [
        ("labels", model.labels.joined(separator: ",")), ("profile", model.profile),
        ("sha256", model.sha256),
      ] {
        json.key(name)
        json.beginObject()
        json.member("string_value", value)
        json.endObject()
      }
      json.endObject()
    }
  }

  private static func reply(_ writeMembers: (inout JSONWriter) -> Void) -> HTTPResponse {
    var json = JSONWriter()
    json.beginObject()
    writeMembers(&json)
    json.endObject()
    return reply(json)
  }

  private static func reply(_ json: JSONWriter) -> HTTPResponse {
    var response = HTTPResponse(status: 200, body: json.bytes)
    response.fields.append("Content-Type", MediaType.json)
    response.fields.append("Cache-Control", "no-store")
    return response
  }
}
