import ArgumentParser
import Images
import Service

/// How much `frcnn serve` takes on, and how long a request may take.
struct AdmissionOptions: ParsableArguments {
  @Option(help: AdmissionSettings.lanes.help)
  var lanes: String?

  @Option(help: AdmissionSettings.queue.help)
  var queue: String?

  @Option(help: AdmissionSettings.queueBytes.help)
  var queueBytes: String?

  @Option(help: AdmissionSettings.queuePixels.help)
  var queuePixels: String?

  @Option(name: .customLong("max-pixels"), help: AdmissionSettings.maximumPixels.help)
  var maximumPixels: String?

  @Option(help: AdmissionSettings.requestTimeout.help)
  var requestTimeout: String?

  @Option(help: AdmissionSettings.laneTimeout.help)
  var laneTimeout: String?

  /// What was chosen; the rest of the settings are the defaults.
  func settings(maximumBodyBytes: Int) throws(Failure) -> ServiceSettings {
    ServiceSettings(
      queue: QueueLimits(
        requests: try AdmissionSettings.queue.value(flag: queue),
        bytes: try AdmissionSettings.queueBytes.value(flag: queueBytes),
        pixels: try AdmissionSettings.queuePixels.value(flag: queuePixels)),
      laneCount: try AdmissionSettings.lanes.value(flag: lanes),
      requestTimeout: try AdmissionSettings.requestTimeout.value(flag: requestTimeout),
      laneTimeout: try AdmissionSettings.laneTimeout.value(flag: laneTimeout),
      maximumBodyBytes: maximumBodyBytes,
      imageLimits: ImageLimits(
        maximumPixels: try AdmissionSettings.maximumPixels.value(flag: maximumPixels)))
  }
}

/// The choices about admission that flags and environment variables offer.
enum AdmissionSettings {
  static let lanes = Setting(
    name: "lanes",
    purpose: "How many pictures to work on at once, each with its share of the cores.",
    standard: 1, standardText: "1: the shortest time for each picture, the least memory",
    form: .number("count", 1...64))

  static let queue = Setting(
    name: "queue",
    purpose: "How many requests may wait for a lane; beyond them the answer is 429 at once.",
    standard: 16, standardText: "16: nobody waits for longer than 16 pictures take",
    form: .number("count", 1...100_000))

  static let queueBytes = Setting(
    name: "queue-bytes",
    purpose: "How many bytes of bodies may wait for a lane; beyond them 429.",
    standard: 256 << 20, standardText: "256MiB: eight of the largest bodies",
    form: .byteCount(1...(1 << 40)))

  static let queuePixels = Setting(
    name: "queue-pixels",
    purpose:
      "How many pixels of pictures may wait for a lane, told by their headers; beyond them 429.",
    standard: 256_000_000, standardText: "256M: four of the largest pictures",
    form: .pixelCount(1...1_000_000_000_000))

  static let maximumPixels = Setting(
    name: "max-pixels",
    purpose: "The largest picture, told by its header before it is decoded; beyond it 413.",
    standard: 64_000_000, standardText: "64M: three bytes each while it is decoded",
    form: .pixelCount(1...1_000_000_000))

  static let requestTimeout = Setting(
    name: "request-timeout",
    purpose:
      "How long a request may take from its arrival to its answer, waiting included; then 504.",
    standard: .seconds(60), standardText: "60s: as most proxies wait", form: .timeout)

  static let laneTimeout = Setting(
    name: "lane-timeout",
    purpose: "How long a lane may be at one request before /livez fails.",
    standard: .seconds(120), standardText: "120s: many times what the largest picture takes",
    form: .timeout)
}
