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
    "binary_tensor_data", "model_configuration", "parameters", "statistics",
  ]

  /// Answers a request of the protocol that is not an inference.
  ///
  /// - Parameters:
  ///   - match: what is asked.
  ///   - body: the request's body, which an index may have.
  /// - Returns: the answer.
  /// - Throws: a `Problem` where there is no such model, or it does not serve.
  func inferenceResponse(_ match: RouteMatch, body: [UInt8]) throws(Problem) -> HTTPResponse {
    if match.route == .inferenceLive {
      _ = try livenessResponse()
      return .document { $0.member("live", true) }
    }
    if match.route == .inferenceServer { return serverMetadata() }
    if match.route == .repositoryIndex { return try repositoryIndex(body) }
    if match.route == .inferenceReady {
      _ = try readinessResponse()
      return .document { $0.member("ready", true) }
    }
    if match.route == .allStatistics {
      // Where no model serves it is said why.
      _ = try model(named: nil)
      return Self.statistics(of: registry.served)
    }
    let served = try self.model(named: match.values["model"], version: match.values["version"])
    let model = served.description
    switch match.route {
    case .modelReady, .versionReady:
      _ = try readinessResponse()
      return .document { json in
        json.member("name", model.name)
        json.member("ready", true)
      }
    case .modelConfiguration, .versionConfiguration: return configuration(of: model)
    case .modelStatistics, .versionStatistics: return Self.statistics(of: [served])
    default: return metadata(of: model)
    }
  }

  private static func statistics(of models: [ServedModel]) -> HTTPResponse {
    .document { json in
      json.key("model_stats")
      json.beginArray()
      for model in models {
        model.record.statistics.withLock { $0 }
          .write(to: &json, name: model.name, version: model.backend.model.version)
      }
      json.endArray()
    }
  }

  /// Why a path of the protocol is not answered, where it is one of an extension that is left out.
  static func refusalOfExtension(_ path: String) -> Problem? {
    let prefixes = [
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
    .document { json in
      json.member("name", "frcnn")
      json.member("version", "2")
      json.key("extensions")
      json.beginArray()
      for name in Self.extensions { json.string(name) }
      json.string(
        settings.allowsModelControl ? "model_repository" : "model_repository(index)")
      json.endArray()
    }
  }

  /// Each model's state.
  ///
  /// Source: triton-inference-server, `docs/protocol/extension_model_repository.md`; it asks by POST, with
  /// `{"ready": true}` for those that serve.
  private func repositoryIndex(_ body: [UInt8]) throws(Problem) -> HTTPResponse {
    var onlyReady = false
    if !body.isEmpty {
      do throws(JSONError) {
        var reader = JSONReader(body)
        try reader.object { (name, reader) throws(JSONError) in
          if name == "ready", !reader.takeNull() {
            onlyReady = try reader.boolean()
          } else {
            try reader.skip()
          }
        }
        try reader.finish()
      } catch {
        throw Problem(error)
      }
    }
    return .state { json in
      json.beginArray()
      for entry in registry.all {
        guard let name = entry.name, !onlyReady || entry.phase.served != nil else { continue }
        json.object { json in
          json.member("name", name)
          json.member("version", entry.phase.served?.backend.model.version ?? "")
          json.member("state", entry.phase.repositoryState)
          json.member("reason", entry.phase.reason)
        }
      }
      json.endArray()
    }
  }

  private func metadata(of model: ModelDescription) -> HTTPResponse {
    .document { json in
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
          for name in tensor.names(levelCount: model.featureLevelCount) {
            json.beginObject()
            json.member("name", name)
            json.member("datatype", tensor.datatype)
            json.member("shape", tensor.shape)
            json.endObject()
          }
        }
        json.endArray()
      }
    }
  }

  /// The configuration in the form of Triton's `ModelConfig`, as its clients read it.
  private func configuration(of model: ModelDescription) -> HTTPResponse {
    .document { json in
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
          for name in tensor.names(levelCount: model.featureLevelCount) {
            json.beginObject()
            json.member("name", name)
            json.member(
              "data_type", tensor.datatype == "BYTES" ? "TYPE_STRING" : "TYPE_" + tensor.datatype)
            json.member("dims", tensor.shape)
            if key == "input" { json.member("optional", true) }
            json.endObject()
          }
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
}
