/// How much may wait for a lane at once.
public struct QueueLimits: Sendable, Hashable {
  /// Requests, 16 by default; those being worked on are not counted.
  ///
  /// A request that finds the queue full is refused at once with 429. Half a second a picture makes
  /// 16 a wait of eight seconds on one lane: longer than that, a client does better to ask later.
  public var requests: Int

  /// Bytes of bodies, 256 MiB by default: the memory that waiting may cost.
  public var bytes: Int

  /// Pixels of pictures, told by their headers, 256 million by default: the time that decoding what
  /// waits may take, and four of the largest pictures.
  public var pixels: Int

  /// Makes limits; what is left out takes its default.
  ///
  /// - Precondition: all are at least 1.
  public init(requests: Int = 16, bytes: Int = 256 << 20, pixels: Int = 256_000_000) {
    precondition(
      min(requests, bytes, pixels) >= 1,
      "a queue of \(requests) requests, \(bytes) bytes and \(pixels) pixels takes nobody")
    self.requests = requests
    self.bytes = bytes
    self.pixels = pixels
  }
}
