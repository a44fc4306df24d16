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

  static let model = Setting(
    name: "model",
    purpose:
      "A safetensors checkpoint, with its settings in its metadata or in a JSON file beside it.",
    standard: nil, standardText: "the model that is part of the program", form: .path)

  static let labels = Setting(
    name: "labels", purpose: "The names of the model's classes, one a line, background left out.",
    standard: nil, standardText: "those that the model states", form: .path)

  static let threads = Setting(
    name: "threads",
    purpose: "How many cores to compute on, all lanes together; 0 takes all that the process has.",
    standard: 0, standardText: "0: affinity and container quota are heeded",
    form: .number("count", 0...1024))

  static let lanes = Setting(
    name: "lanes",
    purpose: "How many pictures to work on at once, each with its share of the cores.",
    standard: 1, standardText: "1: the shortest time for each picture",
    form: .number("count", 1...64))

  static let queue = Setting(
    name: "queue",
    purpose: "How many requests may wait for a lane; beyond them the answer is 429 at once.",
    standard: 16, standardText: "16: nobody waits for longer than 16 pictures take",
    form: .number("count", 0...100_000))

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
    name: "log-level", purpose: "What is logged: debug, info, warning, error or none.",
    standard: LogLevel.info, standardText: "info: a line a request",
    form: SettingForm(
      valueName: "level", expectation: "debug, info, warning, error or none",
      parse: LogLevel.init(rawValue:)))

  private static let timeout = SettingForm.duration(.milliseconds(1)...(.seconds(86_400)))
}

/// From which importance on something is logged.
enum LogLevel: String {
  case debug, info, warning, error, none
}
