import ArgumentParser
import Dispatch
import HTTP1
import HTTPServer
import Observability
import Service

struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve detections over HTTP.",
    discussion: """
      Examples:
        frcnn serve
        frcnn serve --model voc.safetensors --host 0.0.0.0 --port 80
        frcnn serve --model cells=cells.safetensors --model street=street.pth
        frcnn serve --model /models --compatible-with deepstack,kserve-v1
        frcnn serve --api-key-file keys.txt --cors-origin https://example.org
        FRCNN_MODEL=voc.safetensors frcnn serve --lanes 2 --queue 64

      Then:
        curl --data-binary @photo.jpg http://127.0.0.1:8080/detect
        curl http://127.0.0.1:8080/openapi.yaml

      Every option is also an environment variable, named in brackets with what applies where \
      nothing is said; the option wins. SIGTERM and SIGINT (Ctrl-C) stop accepting, answer what \
      was accepted, and end with status 0; a second one ends at once. SIGHUP reads the model, the \
      certificates and the keys again, while serving goes on. Requests are logged to \
      standard output, everything else to standard error.

      Exit status: 0 ended as asked; 64 an option is wrong; 65 the model is broken or does not \
      fit; 66 a file cannot be read; 69 the address cannot be listened on; 70 an error of the \
      program; 78 an environment variable is wrong.
      """)

  @Option(help: ServeSettings.host.help)
  var host: String?

  @Option(help: ServeSettings.port.help)
  var port: String?

  @OptionGroup
  var model: ServedModelOptions

  @OptionGroup
  var admission: AdmissionOptions

  @Option(name: .customLong("max-body"), help: ServeSettings.maximumBody.help)
  var maximumBody: String?

  @Option(name: .customLong("max-head"), help: ServeSettings.maximumHead.help)
  var maximumHead: String?

  @Option(help: ServeSettings.headTimeout.help)
  var headTimeout: String?

  @Option(help: ServeSettings.bodyTimeout.help)
  var bodyTimeout: String?

  @Option(help: ServeSettings.idleTimeout.help)
  var idleTimeout: String?

  @OptionGroup
  var access: AccessOptions

  @OptionGroup
  var life: LifeOptions

  @OptionGroup
  var transport: TransportOptions

  func run() throws {
    // Before the first thread is made, so that every thread leaves the signals to this one.
    let signals = ProcessSignals()
    try ending {
      let log = RequestLog(level: try LifeSettings.logLevel.value(flag: life.logLevel))
      let drainDelay = try LifeSettings.drainDelay.value(flag: life.drainDelay)
      let drainTimeout = try LifeSettings.drainTimeout.value(flag: life.drainTimeout)
      let sources = try model.sources()
      let watchedFiles = try watchedFiles(sources)
      let service = DetectionService(
        settings: try serviceSettings(), log: log, fetcher: try access.fetcher())
      service.setKeys(try access.keys())
      let configuration = try serverConfiguration()
      let server = HTTPServer(configuration: configuration, handler: service)
      service.reportConnections { [weak server] in server?.statistics }

      let addresses: [SocketAddress]
      do throws(HTTPServerError) {
        addresses = try server.start()
      } catch {
        throw Failure(error)
      }
      for line in configuration.announcements(of: addresses) { announce(line) }
      let loading = try ModelLoading(service, model)
      loading.start(sources)
      let watch = watchedFiles.map { files in
        FileWatch(files) { loading.reload("the model's file has changed") }
      }

      let signal = waitForEnd(signals) {
        reloadCertificates(of: server)
        reloadKeys(of: service)
        loading.reload("SIGHUP")
      }
      service.beginDraining()
      announce(
        "\(ProcessSignals.name(of: signal)): finishing what was accepted; a second signal ends at once"
      )
      after(drainDelay) {
        server.shutdown(within: drainTimeout) { cut in
          if cut > 0 { announce("\(cut) connections were cut after \(drainTimeout)") }
          log.flush(within: .seconds(1))
          ProcessSignals.end(0)
        }
      }
      let second = signals.waitForEnd()
      withExtendedLifetime(watch) {}
      ProcessSignals.end(128 + second)
    }
  }

  /// Waits for the signal to end; what asks to reload is done meanwhile.
  private func waitForEnd(_ signals: ProcessSignals, reload: () -> Void) -> Int32 {
    while true {
      switch signals.wait() {
      case .end(let number): return number
      case .reload: reload()
      }
    }
  }

  /// Reads the certificates again; where that fails those that were read before go on.
  private func reloadCertificates(of server: HTTPServer) {
    do throws(TLSError) {
      try server.reloadCertificates()
    } catch {
      announce("the certificates before go on, because the new ones cannot be used: \(error)")
    }
  }

  /// Reads the file of keys again; where that fails those that were read before go on.
  private func reloadKeys(of service: DetectionService) {
    do throws(Failure) {
      service.setKeys(try access.keys())
    } catch {
      announce("the keys before go on, because the new ones cannot be read: \(error.message)")
    }
  }

  /// The files whose change is a new model; `nil` where they are not watched.
  private func watchedFiles(_ sources: [ModelFile]) throws(Failure) -> [String]? {
    guard try LifeSettings.watchModel.value(isSet: life.watchModel) else { return nil }
    let paths = sources.compactMap(\.path)
    guard !paths.isEmpty else {
      throw Failure(
        .usage, "--watch-model needs --model: the model that is part of the program cannot change")
    }
    let labels = try model.stated.labelsFile().map { [$0] } ?? []
    return paths + paths.map(ModelOptions.settingsFile) + labels
  }

  /// Does something after a while; at once where that is none.
  private func after(_ delay: Duration, _ action: @escaping @Sendable () -> Void) {
    guard delay > .zero else { return action() }
    DispatchQueue.global().asyncAfter(deadline: .now() + delay.timeInterval, execute: action)
  }

  private func serviceSettings() throws(Failure) -> ServiceSettings {
    var settings = try admission.settings(
      maximumBodyBytes: try ServeSettings.maximumBody.value(flag: maximumBody))
    settings.multipartLimits = try transport.multipartLimits()
    settings.allowsModelControl = try model.allowsControl()
    settings.compatibility = try access.compatibility()
    try access.complete(&settings)
    return settings
  }

  private func serverConfiguration() throws(Failure) -> HTTPServerConfiguration {
    var configuration = HTTPServerConfiguration()
    let platform = AccessOptions.platformAddress
    configuration.addresses = [
      SocketAddress(
        host: try ServeSettings.host.value(flag: host ?? platform?.host),
        port: try ServeSettings.port.value(flag: port ?? platform?.port))
    ]
    configuration.limits.bodyLength = try ServeSettings.maximumBody.value(flag: maximumBody)
    configuration.limits.headLength = try ServeSettings.maximumHead.value(flag: maximumHead)
    configuration.headTimeout = try ServeSettings.headTimeout.value(flag: headTimeout)
    configuration.bodyTimeout = try ServeSettings.bodyTimeout.value(flag: bodyTimeout)
    configuration.idleTimeout = try ServeSettings.idleTimeout.value(flag: idleTimeout)
    try transport.apply(to: &configuration)
    return configuration
  }
}
