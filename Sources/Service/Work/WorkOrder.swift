internal import FasterRCNN
internal import HTTP1
internal import HTTPServer
internal import Images
internal import Tensors

/// What a request asks for, as far as that can be told without decoding a picture or having a lane.
struct WorkOrder: Sendable {
  /// What is to be done, and with what.
  enum Job: Sendable {
    case detection(RequestBody)
    case explanation(BodyItem, ExplainedPlace)
    case inference(InferenceRequest)

    /// Puts something in the place of one of the items.
    fileprivate mutating func replace(_ index: Int, by item: BodyItem) {
      switch self {
      case .detection(var body):
        body.items[index] = item
        self = .detection(body)
      case .explanation(_, let place): self = .explanation(item, place)
      case .inference: preconditionFailure("the protocol's pictures are never links")
      }
    }

    /// The pictures and feature maps.
    var items: [BodyItem] {
      switch self {
      case .detection(let body): body.items
      case .explanation(let item, _): [item]
      case .inference(let request): request.items
      }
    }
  }

  private(set) var job: Job
  let parameters: RequestParameters

  /// The pixels of its pictures, as the pictures' headers state them.
  private(set) var pixels = 0

  /// The URLs of pictures that have to be fetched, by the place of each among the items.
  private(set) var links: [Int: String] = [:]

  /// Whether an error of one picture is told in its place.
  let isBatch: Bool

  /// Reads a body: what it holds, pictures' headers, and the parameters.
  ///
  /// - Parameters:
  ///   - body: the body, its content coding undone.
  ///   - fields: the request's header fields.
  ///   - admission: what its head says.
  ///   - settings: how large a picture may be and how a form may be cut up.
  /// - Throws: a `Problem` or an `ImageError`: what is wrong with the request, unless it is wrong with
  ///   one of several pictures, which is told when its turn comes.
  init(
    _ body: [UInt8], fields: HTTPFields, admission: Admission, settings: ServiceSettings
  ) throws {
    let route = admission.route
    if route.isInferenceProtocol {
      let request = try InferenceRequest(
        body, headerLength: try InferenceRequest.headerLength(in: fields))
      var parameters = try RequestParameters(
        admission.parameters + request.parameters, at: route, model: admission.model.description)
      parameters.detection.includesFeatures = request.outputs.contains { $0.name == .features }
      let levelCount = admission.model.description.featureLevelCount
      for case let level? in request.outputs.map(\.level)
      where levelCount == 1 || level >= levelCount {
        throw Problem(
          .malformedRequest,
          "There is no output '\(FeatureFile.tensorName(ofLevel: level))'; the model has "
            + InferenceTensor.features.names(levelCount: levelCount).joined(separator: ", ") + ".")
      }
      if parameters.detection.includesFeatures, request.items.count > 1 {
        throw Problem(
          .malformedRequest, "The output 'features' is of one picture; send one at a time.")
      }
      parameters.timeout = [parameters.timeout, request.timeout].compactMap(\.self).min()
      self.parameters = parameters
      job = .inference(request)
      // The protocol has no place for an error of one among several.
      isBatch = false
    } else {
      let content =
        if let door = admission.door {
          try door.body(
            Door.Question(type: admission.type, body: body, limits: settings.multipartLimits),
            stated: admission.parameters)
        } else {
          try RequestBody(admission.type, body, limits: settings.multipartLimits)
        }
      parameters = try RequestParameters(
        admission.parameters + content.parameters, at: route, model: admission.model.description)
      isBatch = content.isBatch
      links = content.links
      if route == .explain {
        let place = try ExplainedPlace(parameters)
        guard let item = content.items.first, !isBatch else {
          throw Problem(.malformedRequest, "One picture is explained at a time; send one.")
        }
        job = .explanation(item, place)
      } else {
        job = .detection(content)
      }
    }
    let decoder = parameters.decoder(limits: settings.imageLimits)
    for (index, item) in job.items.enumerated() where links[index] == nil {
      try count(item, in: body, decoder)
    }
  }

  private mutating func count(
    _ item: BodyItem, in body: [UInt8], _ decoder: ImageDecoder
  ) throws {
    do {
      pixels += try parameters.pixelCount(of: item, in: body, decoder)
    } catch {
      guard isBatch else { throw error }
    }
  }

  /// Puts what was fetched in the places of links; a link of which nothing is given stays unreadable.
  ///
  /// - Throws: as `init`.
  mutating func settleLinks(
    _ fetched: [Int: Result<[UInt8], Problem>], settings: ServiceSettings
  ) throws {
    let decoder = parameters.decoder(limits: settings.imageLimits)
    for index in links.keys.sorted() {
      switch fetched[index] {
      case .success(let bytes)?:
        job.replace(
          index, by: bytes.isEmpty ? .unreadable(RequestBody.noBytes) : .decodedPicture(bytes))
      case .failure(let problem)?: job.replace(index, by: .unreadable(problem))
      case nil: break
      }
      try count(job.items[index], in: [], decoder)
    }
    links = [:]
  }

  /// Whether the body's bytes are still needed: some picture is a part of them.
  var needsBody: Bool {
    job.items.contains { if case .picture = $0 { true } else { false } }
  }

  /// How many bytes were made of the body: pictures out of text, and numbers.
  var madeBytes: Int {
    job.items.reduce(0) { sum, item in
      switch item {
      case .picture, .unreadable: sum
      case .decodedPicture(let bytes): sum + bytes.count
      case .pixels(let image): sum + image.pixels.count
      case .features(let body): sum + 4 * body.valueCount
      }
    }
  }
}

extension RequestParameters {
  /// The pixels of a picture as its header states them; 0 for features.
  ///
  /// - Throws: an `ImageError` where there is no such header, or it states too many; a `Problem` where
  ///   the request states what goes with features only.
  fileprivate func pixelCount(
    of item: BodyItem, in body: [UInt8], _ decoder: ImageDecoder
  ) throws -> Int {
    let header: ImageHeader
    switch item {
    case .features: return 0
    case .unreadable(let problem): throw problem
    case .pixels(let image):
      try requireNoSizesOfFeatures()
      return image.width * image.height
    case .picture(let range):
      try requireNoSizesOfFeatures()
      header = try decoder.header(of: body.span.extracting(range))
    case .decodedPicture(let bytes):
      try requireNoSizesOfFeatures()
      header = try decoder.header(of: bytes.span)
    }
    return header.width * header.height
  }
}
