internal import FasterRCNN
internal import HTTP1
internal import HTTPServer
internal import Images
internal import Tensors
internal import Observability

/// One request while it has its lane: from the body's bytes to the answer.
struct DetectionWork {
  let conversation: Conversation
  let admission: Admission
  let order: WorkOrder
  let settings: ServiceSettings
  /// How long the request waited for the lane.
  let waited: Duration
  /// How long its body took to be read before.
  let preparation: Duration

  /// Does the work.
  ///
  /// - Throws: a `Problem`, or whatever `Problem.init(_:)` makes one of.
  func answer() throws -> WorkAnswer {
    switch order.job {
    case .detection(let body): try detection(body)
    case .explanation(let item, let place): try explanation(of: item, at: place)
    case .inference(let request): try inference(request)
    }
  }

  /// What all requests have waited for and had done before their lane.
  var earlierTimings: Timeline { Timeline(waited: waited, decoding: preparation) }

  /// Works on one thing that the body holds.
  ///
  /// - Parameters:
  ///   - item: a picture or features.
  ///   - parameters: what the request chose.
  /// - Returns: what was found, its times of decoding included.
  /// - Throws: a `Problem`, an `ImageError`, or what the detector throws.
  func find(_ item: BodyItem, _ parameters: RequestParameters) throws -> Finding {
    if conversation.request.cancellation.isCancelled { throw CancellationError() }
    let start = ContinuousClock.now
    let source: Finding.Source
    switch item {
    case .picture(let range):
      source = .picture(
        try decode(conversation.request.body.span.extracting(range), parameters))
    case .decodedPicture(let bytes): source = .picture(try decode(bytes.span, parameters))
    case .pixels(let image): source = .pixels(try taken(image, parameters))
    case .features(let body): source = .features(try featureMap(body, parameters))
    case .unreadable(let problem): throw problem
    }
    let decoded = ContinuousClock.now - start
    let result = try run(source, parameters)
    var timings = Timeline(result.timings)
    timings.add(decoded, to: .decode)
    return Finding(source: source, result: result, timings: timings)
  }

  private func run(
    _ source: Finding.Source, _ parameters: RequestParameters
  ) throws -> DetectionResult {
    let cancellation = conversation.request.cancellation
    let input: DetectorInput =
      switch source {
      case .picture(let picture): .image(picture.image)
      case .pixels(let image): .image(image)
      case .features(let map): .features(map)
      }
    if cancellation.isCancelled { throw CancellationError() }
    let result: DetectionResult
    do {
      result = try admission.model.detect(
        input, parameters: parameters.detection, isCancelled: { cancellation.isCancelled })
    } catch DetectorError.notFinite {
      // The model ran on a picture before it was served: these features are what overflows.
      guard case .features = source else { throw DetectorError.notFinite }
      throw DetectorError.features(
        "The features make the network's outputs infinite or NaN; they are not this model's.")
    }
    if cancellation.isCancelled { throw CancellationError() }
    return result
  }

  private func decode(
    _ bytes: Span<UInt8>, _ parameters: RequestParameters
  ) throws -> DecodedImage {
    try parameters.requireNoSizesOfFeatures()
    return try parameters.decoder(limits: settings.imageLimits).decode(bytes)
  }

  /// Holds a picture that came as pixels against the limits of those that come as files.
  private func taken(_ image: Image, _ parameters: RequestParameters) throws -> Image {
    try parameters.requireNoSizesOfFeatures()
    let limit = settings.imageLimits.maximumPixels
    guard image.width * image.height <= limit else {
      throw ImageError.tooManyPixels(width: image.width, height: image.height, limit: limit)
    }
    return image
  }

  /// Joins features with the sizes that the request states, or else their file.
  private func featureMap(
    _ body: FeatureBody, _ parameters: RequestParameters
  ) throws(Problem) -> FeatureMap {
    let stated = try RequestParameters(body.parameters, model: admission.model.description)
    guard let imageSize = parameters.imageSize ?? stated.imageSize else {
      throw Problem(
        .invalidParameter,
        "Features need 'image_size': height and width of the resized picture that they were computed "
          + "from.",
        parameter: Parameter.imageSize.rawValue)
    }
    guard let scale = parameters.scale ?? stated.scale, let yScale = scale.first,
      let xScale = scale.last
    else {
      throw Problem(
        .invalidParameter,
        "Features need 'scale': pixels of the resized picture to one of the original.",
        parameter: Parameter.scale.rawValue)
    }
    guard body.levels.allSatisfy({ $0.values.allSatisfy(\.isFinite) }) else {
      throw Problem(.malformedRequest, "The features hold an infinity or NaN.")
    }
    var map = FeatureMap(
      levels: body.levels, imageSize: imageSize, yScale: yScale, xScale: xScale)
    if let size = parameters.originalSize ?? stated.originalSize { map.originalSize = size }
    return map
  }
}

extension RequestParameters {
  /// What decodes the request's pictures.
  func decoder(limits: ImageLimits) -> ImageDecoder {
    ImageDecoder(
      limits: limits, appliesOrientation: orientation == .exif,
      acceptsTruncated: truncation == .accept, page: page - 1)
  }

  /// Refuses what goes with features only.
  func requireNoSizesOfFeatures() throws(Problem) {
    for (parameter, isGiven) in [
      (Parameter.imageSize, imageSize != nil), (.scale, scale != nil),
      (.originalSize, originalSize != nil),
    ] where isGiven {
      throw Problem(
        .invalidParameter,
        "The parameter '\(parameter.rawValue)' goes with features, not a picture.",
        parameter: parameter.rawValue)
    }
  }
}
