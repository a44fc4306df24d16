/// The choices about listening and slow clients that `frcnn serve` offers; each is a flag and an
/// environment variable.
enum ServeSettings {
  static let host = Setting(
    name: "host",
    purpose: "The address to listen on; 0.0.0.0 or :: for every network of this machine.",
    standard: "127.0.0.1", standardText: "127.0.0.1, so that nobody outside can connect",
    form: .text("address", "an IP address or a name of this machine"))

  static let port = Setting(
    name: "port", purpose: "The port to listen on; 0 takes any free one and says which.",
    standard: 8080, standardText: "8080", form: .number("port", 0...65535))

  static let maximumBody = Setting(
    name: "max-body", purpose: "The largest request body; beyond it the answer is 413.",
    standard: 32 << 20, standardText: "32MiB: any photo, and 16 of them in memory",
    form: .byteCount(1...(4 << 30)))

  static let maximumHead = Setting(
    name: "max-head", purpose: "The largest request head; beyond it the answer is 431.",
    standard: 16 << 10, standardText: "16KiB: twice what browsers send",
    form: .byteCount(1024...(1 << 20)))

  static let headTimeout = Setting(
    name: "head-timeout", purpose: "How long a client may take to send a head; then 408.",
    standard: .seconds(10), standardText: "10s: long for a slow line, short for a stalled client",
    form: .timeout)

  static let bodyTimeout = Setting(
    name: "body-timeout", purpose: "How long a client may take to send a body; then 408.",
    standard: .seconds(30), standardText: "30s: 32MiB at 9 Mbit/s", form: .timeout)

  static let idleTimeout = Setting(
    name: "idle-timeout", purpose: "How long a connection may rest between two requests.",
    standard: .seconds(60), standardText: "60s: as most proxies keep theirs", form: .timeout)
}
