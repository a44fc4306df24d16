import Observability

/// Every choice that `frcnn serve` offers; each is a flag and an environment variable.
enum ServeSettings {
  static let host = Setting(
    name: "host",
    purpose: "The address to listen on; 0.0.0.0 or :: for every network of this machine.",
    standard: "127.0.0.1", standardText: "127.0.0.1, so that nobody outside can connect",
    form: .text("address", "an IP address or a name of this machine"))

  static let port = Setting(
    name: "port", purpose: "The port to listen on; 0 takes any free one and says which.",
    standard: 8080, standardText: "8080", form: .number("port", 0...65535))

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

  static let maximumBody = Setting(
    name: "max-body", purpose: "The largest request body; beyond it the answer is 413.",
    standard: 32 << 20, standardText: "32MiB: any photo, and 16 of them in memory",
    form: .byteCount(1...(4 << 30)))

  static let maximumPixels = Setting(
    name: "max-pixels",
    purpose: "The largest picture, told by its header before it is decoded; beyond it 413.",
    standard: 64_000_000, standardText: "64M: three bytes each while it is decoded",
    form: .pixelCount(1...1_000_000_000))

  static let maximumHead = Setting(
    name: "max-head", purpose: "The largest request head; beyond it the answer is 431.",
    standard: 16 << 10, standardText: "16KiB: twice what browsers send",
    form: .byteCount(1024...(1 << 20)))

  static let headTimeout = Setting(
    name: "head-timeout", purpose: "How long a client may take to send a head; then 408.",
    standard: .seconds(10), standardText: "10s: long for a slow line, short for a stalled client",
    form: timeout)

  static let bodyTimeout = Setting(
    name: "body-timeout", purpose: "How long a client may take to send a body; then 408.",
    standard: .seconds(30), standardText: "30s: 32MiB at 9 Mbit/s", form: timeout)

  static let idleTimeout = Setting(
    name: "idle-timeout", purpose: "How long a connection may rest between two requests.",
    standard: .seconds(60), standardText: "60s: as most proxies keep theirs", form: timeout)

  static let drainTimeout = Setting(
    name: "drain-timeout",
    purpose: "How long SIGTERM waits for requests that were accepted before it gives them up.",
    standard: .seconds(25), standardText: "25s: below the 30s after which Kubernetes kills",
    form: timeout)

  static let logLevel = Setting(
    name: "log-level",
    purpose: "Which requests are logged, a line of JSON each: requests (all), errors or none.",
    standard: RequestLog.Level.requests, standardText: "requests",
    form: SettingForm(
      valueName: "level", expectation: "requests, errors or none",
      parse: RequestLog.Level.init(rawValue:)))

  private static let timeout = SettingForm.duration(.milliseconds(1)...(.seconds(86_400)))
}
