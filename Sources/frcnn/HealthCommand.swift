import ArgumentParser

struct HealthCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "health",
    abstract: "Ask a running server whether it is ready; the exit status is the answer.",
    discussion: """
      Without a URL the server is looked for where FRCNN_HOST, FRCNN_PORT, FRCNN_HEALTH_PORT and \
      FRCNN_TLS_CERT would have put it, so that a container's HEALTHCHECK is just 'frcnn health'. \
      With an https URL its certificate has to be good for the name in it.

      Examples:
        frcnn health
        frcnn health http://10.0.0.7:9000 --timeout 500ms
        frcnn health https://example.org:8443/livez --health-ca authority.pem
        until frcnn health --quiet; do sleep 1; done

      Exit status: 0 ready; 1 not ready, or nobody there.
      """)

  @Argument(help: "Where the server is; the path is /readyz unless it is given.")
  var url: String?

  @Option(
    help: ArgumentHelp("How long to wait for the answer. [default 2s]", valueName: "time"))
  var timeout: String?

  @Option(name: .customLong("health-ca"), help: HealthCommand.authorities.help)
  var authorities: String?

  @Flag(name: .shortAndLong, help: "Print nothing.")
  var quiet = false

  func run() throws {
    try ending {
      let timeout = try Setting(
        name: "timeout", purpose: "", standard: .seconds(2), standardText: "default 2s",
        form: SettingForm.duration(.milliseconds(1)...(.seconds(3600)))
      ).value(flag: timeout, variables: { _ in nil })
      var trust = ProbeTLS.Trust.system
      let location: String
      if let url {
        location = url
      } else {
        (location, trust) = try Self.ownServer()
      }
      if let path = try Self.authorities.value(flag: authorities) {
        trust = .authorities(path: path)
      }
      guard let target = HealthProbe.Target(location) else {
        throw Failure(
          .usage, "'\(location)' is no address of a server; one is http://127.0.0.1:8080")
      }
      switch HealthProbe(target: target, timeout: timeout, trust: trust).ask() {
      case .ready:
        if !quiet { print("ready") }
      case .notReady(let status):
        if !quiet { print("not ready: \(target.authority) answered \(status)") }
        throw ExitCode(Failure.Kind.negative.rawValue)
      case .unreachable(let reason):
        if !quiet { print("not ready: \(target.authority): \(reason)") }
        throw ExitCode(Failure.Kind.negative.rawValue)
      }
    }
  }

  private static let authorities = Setting(
    name: "health-ca",
    purpose: "Authorities of which one has to vouch for the server's certificate, a PEM file.",
    standard: nil, standardText: "those of the system; without a URL the certificate itself",
    form: SettingForm<String?>.path)

  /// Where a server with this environment answers probes, seen from the same machine, and by what it
  /// is known.
  private static func ownServer() throws(Failure) -> (location: String, trust: ProbeTLS.Trust) {
    let host = try ServeSettings.host.value(flag: nil)
    let healthPort = try TransportSettings.healthPort.value(flag: nil)
    let servicePort = try ServeSettings.port.value(flag: nil)
    let port = healthPort ?? servicePort
    let authority =
      switch host {
      case "0.0.0.0": "127.0.0.1:\(port)"
      case "::": "[::1]:\(port)"
      default: host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
      }
    guard healthPort == nil, let certificate = try TransportSettings.certificate.value(flag: nil)
    else { return (authority, .system) }
    return ("https://" + authority, .certificate(path: certificate))
  }
}
