import ArgumentParser

struct HealthCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "health",
    abstract: "Ask a running server whether it is ready; the exit status is the answer.",
    discussion: """
      Without a URL the server is looked for where FRCNN_HOST and FRCNN_PORT would have put it, \
      so that a container's HEALTHCHECK is just 'frcnn health'.

      Examples:
        frcnn health
        frcnn health http://10.0.0.7:9000 --timeout 500ms
        until frcnn health --quiet; do sleep 1; done

      Exit status: 0 ready; 1 not ready, or nobody there.
      """)

  @Argument(help: "Where the server is; the path is /readyz unless it is given.")
  var url: String?

  @Option(
    help: ArgumentHelp("How long to wait for the answer. [default 2s]", valueName: "time"))
  var timeout: String?

  @Flag(name: .shortAndLong, help: "Print nothing.")
  var quiet = false

  func run() throws {
    try ending {
      let timeout = try Setting(
        name: "timeout", purpose: "", standard: .seconds(2), standardText: "default 2s",
        form: SettingForm.duration(.milliseconds(1)...(.seconds(3600)))
      ).value(flag: timeout, variables: { _ in nil })
      let location = try url ?? Self.ownServer()
      guard let target = HealthProbe.Target(location) else {
        throw Failure(
          .usage, "'\(location)' is no address of a server; one is http://127.0.0.1:8080")
      }
      switch HealthProbe(target: target, timeout: timeout).ask() {
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

  /// Where a server with this environment listens, seen from the same machine.
  private static func ownServer() throws(Failure) -> String {
    let host = try ServeSettings.host.value(flag: nil)
    let port = try ServeSettings.port.value(flag: nil)
    switch host {
    case "0.0.0.0": return "127.0.0.1:\(port)"
    case "::": return "[::1]:\(port)"
    default: return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
  }
}
