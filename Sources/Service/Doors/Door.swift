internal import FasterRCNN
internal import HTTPServer

/// A way of asking and of being answered that the clients of another server know.
///
/// A door only puts into other words what `POST /detect` does: what it reads becomes a `RequestBody`, and
/// what was found becomes its answer. Admission, limits, deadlines and keys are those of every request.
struct Door: Sendable {
  let paths: [Path]

  /// A path that is answered.
  struct Path: Sendable {
    let pattern: PathPattern
    let methods: [Method]
    let answer: Answer

    /// Whether it only says how the server is, which probes may ask without a key.
    var isForProbes: Bool { if case .health = answer { true } else { false } }
  }

  /// What a path answers.
  enum Answer: Sendable {
    /// What is found in pictures.
    case detection(Detection)
    /// How the server is: the answer where it is well.
    case health(@Sendable () -> HTTPResponse)
    /// What is known of a model.
    case model(@Sendable (ServedModel) -> HTTPResponse)
    /// What needs no model.
    case fixed(@Sendable () -> HTTPResponse)
  }

  /// How pictures are asked about, and how is told what was found.
  struct Detection: Sendable {
    /// What applies where a request says nothing of it: names of parameters and their values.
    var defaults: [NamedValue] = []

    /// Reads a body.
    let read: @Sendable (Question) throws(Problem) -> RequestBody

    /// Writes the answer.
    let write: @Sendable (Reply) throws -> HTTPResponse
  }

  /// A request that a door reads.
  struct Question: Sendable {
    var type: MediaType?
    var body: [UInt8]
    var limits: MultipartLimits
  }

  /// What a door writes.
  struct Reply: Sendable {
    var id: String
    var model: ModelDescription
    /// What was found in each picture, one at least.
    var findings: [Finding]
    /// Everything but the writing itself.
    var elapsed: Duration
  }
}

extension Door.Detection {
  /// Reads a body, and adds what applies where neither it nor the query says otherwise.
  func body(
    _ question: Door.Question, stated: [NamedValue]
  ) throws(Problem) -> RequestBody {
    var body = try read(question)
    let known = Set((stated + body.parameters).compactMap { Parameter.byName[$0.name] })
    body.parameters += defaults.filter { value in
      Parameter.byName[value.name].map { !known.contains($0) } ?? false
    }
    return body
  }
}
