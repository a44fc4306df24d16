internal import Tensors

/// Times the reading of request bodies, for `scripts/bench-features`.
public enum BodyBenchmark {
  /// Reads a body as `POST /detect` would, up to the tensors that the detector is given.
  ///
  /// - Parameters:
  ///   - bytes: JSON, `.npy` or safetensors with features.
  ///   - isJSON: whether the body is JSON.
  /// - Returns: how many numbers the features have and how long reading took.
  /// - Throws: what is wrong with the body.
  public static func read(
    _ bytes: [UInt8], isJSON: Bool
  ) throws -> (count: Int, duration: Duration) {
    let start = ContinuousClock.now
    let type = isJSON ? MediaType(parsing: MediaType.json) : nil
    let body = try RequestBody(type, bytes, limits: MultipartLimits())
    let duration = ContinuousClock.now - start
    guard case .features(let features)? = body.items.first else { return (0, duration) }
    return (features.valueCount, duration)
  }
}
