import ArgumentParser
import Observability

/// How `frcnn serve` begins anew, ends, and tells of requests.
struct LifeOptions: ParsableArguments {
  @Flag(help: LifeSettings.watchModel.help)
  var watchModel = false

  @Option(help: LifeSettings.drainDelay.help)
  var drainDelay: String?

  @Option(help: LifeSettings.drainTimeout.help)
  var drainTimeout: String?

  @Option(help: LifeSettings.logLevel.help)
  var logLevel: String?
}

/// The choices about life and log that flags and environment variables offer.
enum LifeSettings {
  static let watchModel = Setting(
    name: "watch-model",
    purpose: "Load the model again when its file has changed, as SIGHUP does.",
    standard: false, standardText: "off: a file that is being copied is nobody's wish",
    form: .truth)

  static let drainDelay = Setting(
    name: "drain-delay",
    purpose: "How long SIGTERM goes on serving with /readyz at 503 before it stops accepting.",
    standard: .zero,
    standardText: "0s: at once; behind a balancer the time that it takes to notice",
    form: .duration(.zero...(.seconds(86_400))))

  static let drainTimeout = Setting(
    name: "drain-timeout",
    purpose: "How long SIGTERM then waits for requests that were accepted before it gives them up.",
    standard: .seconds(25), standardText: "25s: below the 30s after which Kubernetes kills",
    form: .duration(.milliseconds(1)...(.seconds(86_400))))

  static let logLevel = Setting(
    name: "log-level",
    purpose: """
      Which requests are logged, a line of JSON each: info (all), warning (status 400 and up), error \
      (500 and up) or none.
      """,
    standard: RequestLog.Level.info, standardText: "info",
    form: SettingForm(
      valueName: "level", expectation: "info, warning, error or none",
      parse: RequestLog.Level.init(rawValue:)))
}
