/// The upper bounds that histograms sort observations by.
public enum MetricBuckets {
  /// Seconds: what OpenTelemetry's semantic conventions for HTTP give for `http.server.request.duration`,
  /// and three more, because a large network on a few cores takes longer than ten seconds.
  public static let seconds: [Double] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 15, 30, 60,
  ]

  /// Seconds for the parts of a request, of which many take less than a millisecond.
  public static let stageSeconds: [Double] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025] + seconds

  /// How many of something one picture has.
  public static let counts: [Double] = [0, 1, 2, 5, 10, 20, 50, 100, 200, 300, 1000, 2000]

  /// How many pictures one request has.
  public static let batch: [Double] = [1, 2, 4, 8, 16, 32]
}
