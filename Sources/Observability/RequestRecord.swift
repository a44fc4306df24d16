public import JSON

/// What the log says of one request.
public struct RequestRecord: JSONLogMembers {
  /// How long one part of the work took.
  public struct Stage: Sendable {
    /// The stage's name, as `decode`.
    public var name: String
    /// The time that it took.
    public var duration: Duration

    /// Makes a stage.
    public init(name: String, duration: Duration) {
      self.name = name
      self.duration = duration
    }
  }

  /// The identifier that the answer carries as `X-Request-ID`.
  public var id: String
  /// The method; empty where the head could not be read.
  public var method: String
  /// The path, percent-decoded; empty where the head could not be read.
  public var path: String
  /// The status; 499 where the client had gone away before its answer.
  public var status: Int
  /// The number of bytes of the request's body.
  public var requestBytes: Int
  /// The number of bytes of the answer's body.
  public var responseBytes: Int
  /// From the whole request's arrival to its answer.
  public var duration: Duration
  /// The parts of the work, in order.
  public var stages: [Stage]
  /// The client's address.
  public var client: String
  /// The trace that the request is part of, where it said so: 32 hexadecimal digits.
  public var traceID: String?
  /// What went wrong, where something did.
  public var error: String?

  /// Makes a record.
  public init(
    id: String, method: String, path: String, status: Int, requestBytes: Int, responseBytes: Int,
    duration: Duration, stages: [Stage], client: String, traceID: String? = nil,
    error: String?
  ) {
    self.id = id
    self.method = method
    self.path = path
    self.status = status
    self.requestBytes = requestBytes
    self.responseBytes = responseBytes
    self.duration = duration
    self.stages = stages
    self.client = client
    self.traceID = traceID
    self.error = error
  }

  /// The record as logs show it that write no JSON.
  public var description: String {
    "\(id) \(method) \(path.debugDescription) \(status) \(duration.millisecondsText) ms"
  }

  /// The name of the stage that is the time in the queue.
  private static let queueStage = "queue"

  /// Writes the record as members of a line of JSON.
  public func writeMembers(to json: inout JSONWriter) {
    json.member("id", id)
    json.member("method", method)
    json.member("path", path)
    json.member("status", status)
    json.member("request_bytes", requestBytes)
    json.member("response_bytes", responseBytes)
    json.key("ms")
    json.milliseconds(duration)
    if !stages.isEmpty {
      json.key("stages_ms")
      json.beginObject()
      for stage in stages {
        json.key(stage.name)
        json.milliseconds(stage.duration)
      }
      json.endObject()
    }
    if let wait = stages.first(where: { $0.name == Self.queueStage }) {
      json.key("queue_ms")
      json.milliseconds(wait.duration)
    }
    json.member("client", client)
    if let traceID {
      json.member("trace_id", traceID)
    }
    if let error {
      json.member("error", error)
    }
  }
}
