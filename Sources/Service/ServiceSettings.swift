public import FasterRCNN
public import Images

/// How much a service takes on.
public struct ServiceSettings: Sendable, Hashable {
  /// How many requests may wait for a lane, 16 by default; those being worked on are not counted.
  ///
  /// A request that finds the queue full is refused at once with 429. Half a second a picture makes
  /// 16 a wait of eight seconds on one lane: longer than that, a client does better to ask later.
  public var queueCapacity: Int

  /// How many pictures are worked on at once, 1 by default: one picture's convolutions already use
  /// every core.
  public var laneCount: Int

  /// The largest body of a request in bytes, 32 MiB by default.
  public var maximumBodyBytes: Int

  /// How large a picture may be; 64 megapixels by default.
  public var imageLimits: ImageLimits

  /// How a multipart body may be cut up.
  public var multipartLimits: MultipartLimits

  /// The size of the grey picture that each lane runs once before the service is ready.
  public var warmUpSize: ImageSize

  /// How long clients are asked to stay away while the service is loading or draining.
  ///
  /// A second by default; rounded up to whole seconds.
  public var notReadyRetryAfter: Duration

  /// Makes settings; what is left out takes its default.
  ///
  /// - Precondition: `queueCapacity`, `laneCount` and `maximumBodyBytes` are at least 1.
  public init(
    queueCapacity: Int = 16, laneCount: Int = 1, maximumBodyBytes: Int = 32 << 20,
    imageLimits: ImageLimits = ImageLimits(maximumPixels: 64_000_000),
    multipartLimits: MultipartLimits = MultipartLimits(),
    warmUpSize: ImageSize = ImageSize(height: 480, width: 640),
    notReadyRetryAfter: Duration = .seconds(1)
  ) {
    precondition(
      queueCapacity >= 1 && laneCount >= 1 && maximumBodyBytes >= 1,
      "a queue of \(queueCapacity), \(laneCount) lanes and \(maximumBodyBytes) bytes serve nobody")
    self.queueCapacity = queueCapacity
    self.laneCount = laneCount
    self.maximumBodyBytes = maximumBodyBytes
    self.imageLimits = imageLimits
    self.multipartLimits = multipartLimits
    self.warmUpSize = warmUpSize
    self.notReadyRetryAfter = notReadyRetryAfter
  }
}
