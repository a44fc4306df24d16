internal import Detection
internal import FasterRCNN
internal import HTTP1
internal import HTTPServer
internal import Images
internal import Observability

extension DetectionWork {
  /// Answers `POST /detect` and `POST /proposals`.
  func detection(_ body: RequestBody) throws -> WorkAnswer {
    var parameters = order.parameters
    parameters.detection.includesFeatures = parameters.sections.contains(.features)
    let format = try responseFormat(parameters, isBatch: body.isBatch)

    var outcomes: [Result<Finding, Problem>] = []
    for item in body.items {
      do {
        outcomes.append(.success(try find(item, parameters)))
      } catch {
        // The others of several are answered all the same, unless nobody waits or all would fail.
        let problem = Problem(error)
        guard body.isBatch, problem.kind.status < 499, problem.kind.status >= 400 else {
          throw error
        }
        outcomes.append(.failure(problem))
      }
    }
    var timings = earlierTimings
    for case .success(let finding) in outcomes {
      timings.add(finding.timings)
    }
    if let door = admission.door {
      return try answer(try outcomes.map { try $0.get() }, timings, at: door)
    }
    if body.isBatch {
      var answer = try batch(outcomes, parameters, format, timings)
      answer.count = outcomes.count
      return answer
    }
    var finding = try outcomes[0].get()
    finding.timings = timings
    return try single(finding, parameters, format)
  }

  /// Answers in another server's words.
  private func answer(
    _ findings: [Finding], _ stages: Timeline, at door: Door.Detection
  ) throws -> WorkAnswer {
    let start = ContinuousClock.now
    var response = try door.write(
      Door.Reply(
        id: conversation.id, model: admission.model.description, findings: findings,
        elapsed: start - conversation.arrival))
    let timings = timings(of: stages, encodingSince: start)
    response.fields.append("Server-Timing", timings.serverTimingText)
    return WorkAnswer(response: response, timings: timings, count: findings.count)
  }

  /// What the answer is written as: the parameter's word, or else what `Accept` prefers.
  func responseFormat(
    _ parameters: RequestParameters, isBatch: Bool
  ) throws(Problem) -> AnswerFormat {
    let accept = conversation.request.fields.values(of: "Accept").joined(separator: ",")
    var offered: [AnswerFormat] =
      admission.route == .detect ? AnswerFormat.all : [.json, .safetensors, .lines]
    if let word = parameters.format { offered = offered.filter { $0.word == word } }
    let format = AnswerFormat.preferred(by: accept, among: offered)
    guard isBatch, ![.json, .coco, .lines].contains(format) else { return format }
    // `Accept` is a wish, the parameter an order.
    if parameters.format == nil { return .json }
    throw Problem(
      .invalidParameter,
      "Several pictures are answered as json, ndjson or coco only; send one for another format.",
      parameter: Parameter.format.rawValue)
  }

  private func single(
    _ finding: Finding, _ parameters: RequestParameters, _ format: AnswerFormat
  ) throws -> WorkAnswer {
    let start = ContinuousClock.now
    let model = admission.model.description
    if format == .json {
      let document = DetectionDocument(
        id: conversation.id, model: model, finding: finding, parameters: parameters)
      let (json, timings) = try document.json(since: conversation.arrival)
      return answer(json, format, timings)
    }
    let bytes: [UInt8] =
      switch format {
      // Lines are written as they come; see `DetectionService+Lines`.
      case .json, .lines: []
      case .coco: try COCOResults.json([finding], firstID: parameters.imageID)
      case .picture(let format):
        try finding.annotatedPicture(labels: model.labels).encoded(as: format)
      case .safetensors:
        try TensorDocument(
          id: conversation.id, model: model, finding: finding, parameters: parameters
        )
        .bytes()
      }
    return answer(bytes, format, timings(of: finding.timings, encodingSince: start))
  }

  private func batch(
    _ outcomes: [Result<Finding, Problem>], _ parameters: RequestParameters,
    _ format: AnswerFormat, _ stages: Timeline
  ) throws -> WorkAnswer {
    let start = ContinuousClock.now
    guard format == .json else {
      // COCO's rows have no place for an error.
      let findings = try outcomes.map { try $0.get() }
      let rows = try COCOResults.json(findings, firstID: parameters.imageID)
      return answer(rows, format, timings(of: stages, encodingSince: start))
    }
    let document = BatchDocument(
      id: conversation.id, model: admission.model.description, outcomes: outcomes,
      parameters: parameters,
      timings: stages)
    let (json, timings) = try document.json(since: conversation.arrival)
    return answer(json, format, timings)
  }

  private func timings(
    of stages: Timeline, encodingSince start: ContinuousClock.Instant
  ) -> Timeline {
    var timings = stages
    timings.addEnd(encodingSince: start, arrival: conversation.arrival)
    return timings
  }

  /// An answer with a body of a format.
  func answer(
    _ bytes: [UInt8], _ format: AnswerFormat, _ timings: Timeline
  ) -> WorkAnswer {
    var response = HTTPResponse(status: 200, body: bytes)
    response.fields.append("Content-Type", format.mediaType)
    response.fields.append("Vary", "Accept")
    response.fields.append("Server-Timing", timings.serverTimingText)
    return WorkAnswer(response: response, timings: timings)
  }
}

extension Finding {
  /// The picture with its objects drawn on it.
  fileprivate func annotatedPicture(labels: [String]) throws(Problem) -> Image {
    let image: Image
    switch source {
    case .picture(let picture): image = picture.image
    case .pixels(let pixels): image = pixels
    case .features:
      throw Problem(
        .invalidParameter, "Features are no picture that boxes could be drawn on.",
        parameter: Parameter.format.rawValue)
    }
    return image.annotated(with: result.annotations(labels: labels))
  }
}
