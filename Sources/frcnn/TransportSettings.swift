import HTTPServer

/// The choices of `frcnn serve` that are about connections.
enum TransportSettings {
  static let certificate = Setting(
    name: "tls-cert",
    purpose:
      "The server's certificate and those that lead to its root; with it HTTPS alone is spoken.",
    standard: nil, standardText: "none: plain HTTP", form: .path)

  static let privateKey = Setting(
    name: "tls-key", purpose: "The private key of --tls-cert, a PEM file without a passphrase.",
    standard: nil, standardText: "none", form: .path)

  static let clientAuthorities = Setting(
    name: "tls-client-ca",
    purpose: "Authorities whose certificate each client must show, a PEM file.",
    standard: nil, standardText: "none: clients show none", form: .path)

  static let handshakeTimeout = Setting(
    name: "tls-handshake-timeout",
    purpose: "How long a TLS handshake may take before the connection is closed.",
    standard: .seconds(10), standardText: "10s: as long as a head", form: .timeout)

  static let healthPort = Setting(
    name: "health-port",
    purpose: "A second port that answers /livez, /readyz and /healthz alone, always plain HTTP.",
    standard: nil, standardText: "none: they are answered on --port only",
    form: SettingForm<Int?>(valueName: "port", expectation: number(0...65535).expectation) {
      number(0...65535).parse($0).map(Optional.some)
    })

  static let eventLoops = Setting(
    name: "event-loops",
    purpose: "How many threads serve connections; lanes have others.",
    standard: 0, standardText: "0: as many as there are cores, four at most", form: number(0...64))

  static let maximumConnections = Setting(
    name: "max-connections",
    purpose: "How many connections may be open; further ones wait in the kernel's queue.",
    standard: 16_384,
    standardText: "16384, and always 256 fewer than the process may have files open",
    form: number(1...1_000_000))

  static let maximumConnectionsPerAddress = Setting(
    name: "max-connections-per-address",
    purpose: "How many connections one client may have; beyond them the answer is 429.",
    standard: nil, standardText: "no limit",
    form: SettingForm<Int?>(valueName: "count", expectation: number(1...1_000_000).expectation) {
      number(1...1_000_000).parse($0).map(Optional.some)
    })

  static let trustedProxies = Setting(
    name: "trusted-proxies",
    purpose: "Addresses of proxies that are believed when they tell their client's address.",
    standard: [AddressBlock](), standardText: "none",
    form: SettingForm(
      valueName: "networks",
      expectation: "addresses and networks with commas between them, as 10.0.0.0/8,::1"
    ) { text in
      let blocks = text.split(separator: ",", omittingEmptySubsequences: false).map {
        AddressBlock(String($0))
      }
      return blocks.contains(nil) ? nil : blocks.compactMap(\.self)
    })

  static let forwardedField = Setting(
    name: "forwarded-field", purpose: "The field in which trusted proxies tell it.",
    standard: ForwardedField.xForwardedFor, standardText: "x-forwarded-for",
    form: SettingForm(
      valueName: "name", expectation: "x-forwarded-for or forwarded",
      parse: ForwardedField.init(rawValue:)))

  static let maximumBodyMemory = Setting(
    name: "max-body-memory",
    purpose: "The most that all bodies under way may take together; beyond it the answer is 503.",
    standard: 512 << 20, standardText: "512MiB: sixteen of the largest",
    form: .byteCount(1...(1 << 40)))

  static let maximumTarget = Setting(
    name: "max-target", purpose: "The longest request target; beyond it the answer is 414.",
    standard: 8192, standardText: "8192: RFC 9112 wants at least 8000",
    form: .byteCount(256...(1 << 20)))

  static let maximumFields = Setting(
    name: "max-fields",
    purpose: "The most field lines of a request; beyond them the answer is 431.",
    standard: 100, standardText: "100: three times what browsers and proxies send",
    form: number(8...10_000))

  static let maximumParts = Setting(
    name: "max-parts", purpose: "The most parts of a form; beyond them the answer is 400.",
    standard: 32, standardText: "32: a picture and every parameter, and some",
    form: number(1...1024))

  private static func number(_ range: ClosedRange<Int>) -> SettingForm<Int> {
    .number(range.upperBound == 65535 ? "port" : "count", range)
  }
}
