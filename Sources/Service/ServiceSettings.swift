public import Images

/// How much a service takes on.
public struct ServiceSettings: Sendable, Hashable {
  /// How much may wait for a lane.
  public var queue: QueueLimits

  /// How many pictures are worked on at once, 1 by default: one picture's convolutions already use
  /// every core.
  public var laneCount: Int

  /// How long a request may take from its arrival to its answer, a minute by default.
  ///
  /// Then it is answered 504. A request may ask for less.
  public var requestTimeout: Duration

  /// How long a lane may be at one request before the service counts as stuck, two minutes by
  /// default: many times what the largest picture takes.
  public var laneTimeout: Duration

  /// The largest body of a request in bytes, 32 MiB by default; a content coding undone it may not
  /// be longer either.
  public var maximumBodyBytes: Int

  /// How large a picture may be; 64 megapixels by default.
  public var imageLimits: ImageLimits

  /// How a multipart body may be cut up.
  public var multipartLimits: MultipartLimits

  /// How long clients are asked to stay away while the service is loading or draining.
  ///
  /// A second by default; rounded up to whole seconds.
  public var notReadyRetryAfter: Duration

  /// Which pages of other origins may use the service; none by default.
  public var crossOrigin: CrossOriginPolicy?

  /// Whether `GET /metrics` is answered without a key where keys are asked for; not by default.
  public var opensMetrics: Bool

  /// Which other servers' clients may ask in their own words; none by default.
  public var compatibility: Compatibility

  /// Whether models may be loaded and unloaded by requests.
  ///
  /// Not by default: whoever may ask for a picture could take a model from the others.
  public var allowsModelControl: Bool

  /// Makes settings; what is left out takes its default.
  ///
  /// - Precondition: `laneCount` and `maximumBodyBytes` are at least 1.
  public init(
    queue: QueueLimits = QueueLimits(), laneCount: Int = 1,
    requestTimeout: Duration = .seconds(60), laneTimeout: Duration = .seconds(120),
    maximumBodyBytes: Int = 32 << 20,
    imageLimits: ImageLimits = ImageLimits(maximumPixels: 64_000_000),
    multipartLimits: MultipartLimits = MultipartLimits(),
    notReadyRetryAfter: Duration = .seconds(1), crossOrigin: CrossOriginPolicy? = nil,
    opensMetrics: Bool = false, compatibility: Compatibility = Compatibility(),
    allowsModelControl: Bool = false
  ) {
    precondition(
      laneCount >= 1 && maximumBodyBytes >= 1,
      "\(laneCount) lanes and \(maximumBodyBytes) bytes serve nobody")
    self.queue = queue
    self.laneCount = laneCount
    self.requestTimeout = requestTimeout
    self.laneTimeout = laneTimeout
    self.maximumBodyBytes = maximumBodyBytes
    self.imageLimits = imageLimits
    self.multipartLimits = multipartLimits
    self.notReadyRetryAfter = notReadyRetryAfter
    self.crossOrigin = crossOrigin
    self.opensMetrics = opensMetrics
    self.compatibility = compatibility
    self.allowsModelControl = allowsModelControl
  }
}
