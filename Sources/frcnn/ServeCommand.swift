import ArgumentParser
import FasterRCNN
import HTTP1
import HTTPServer
import Images
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
        FRCNN_MODEL=voc.safetensors frcnn serve --lanes 2 --queue 64

      Then:
        curl --data-binary @photo.jpg http://127.0.0.1:8080/detect
        curl http://127.0.0.1:8080/openapi.yaml

      Every option is also an environment variable, named in brackets with what applies where \
      nothing is said; the option wins. SIGTERM and SIGINT (Ctrl-C) stop accepting, answer what \
      was accepted, and end with status 0; a second one ends at once. Requests are logged to \
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
  var model: ModelOptions

  @Option(help: ServeSettings.lanes.help)
  var lanes: String?

  @Option(help: ServeSettings.queue.help)
  var queue: String?

  @Option(name: .customLong("max-body"), help: ServeSettings.maximumBody.help)
  var maximumBody: String?

  @Option(name: .customLong("max-pixels"), help: ServeSettings.maximumPixels.help)
  var maximumPixels: String?

  @Option(name: .customLong("max-head"), help: ServeSettings.maximumHead.help)
  var maximumHead: String?

  @Option(help: ServeSettings.headTimeout.help)
  var headTimeout: String?

  @Option(help: ServeSettings.bodyTimeout.help)
  var bodyTimeout: String?

  @Option(help: ServeSettings.idleTimeout.help)
  var idleTimeout: String?

  @Option(help: ServeSettings.drainTimeout.help)
  var drainTimeout: String?

  @Option(help: ServeSettings.logLevel.help)
  var logLevel: String?

  func run() throws {
    try ending {
      let log = RequestLog(level: try ServeSettings.logLevel.value(flag: logLevel))
      let drainTimeout = try ServeSettings.drainTimeout.value(flag: drainTimeout)
      let choice = try model.choice()
      let service = DetectionService(settings: try serviceSettings(), log: log)
      let server = HTTPServer(configuration: try serverConfiguration(), handler: service)
      service.reportConnections { [weak server] in server?.statistics }

      // Before the first thread is made, so that every thread leaves the signals to this one.
      var signals = EndSignals()
      let addresses: [SocketAddress]
      do throws(HTTPServerError) {
        addresses = try server.start()
      } catch {
        if case .invalidAddress = error { throw Failure(.usage, "\(error)") }
        throw Failure(.unavailable, "\(error)")
      }
      for address in addresses { announce("listening on http://\(address)") }
      let laneCount = service.settings.laneCount
      service.load({ try DetectorLanes(choice, laneCount: laneCount) }) { outcome in
        switch outcome {
        case .success(let model):
          announce(
            "ready with \(model.name), \(model.labels.count) classes, profile \(model.profile)")
        case .failure(let error):
          let failure = error as? Failure ?? Failure(.internalError, "\(error)")
          announce("the model cannot be served: \(failure.message)")
          EndSignals.end(failure.kind.rawValue)
        }
      }

      let name = signals.wait()
      announce("\(name): finishing what was accepted; a second signal ends at once")
      server.shutdown(within: drainTimeout) { cut in
        if cut > 0 { announce("\(cut) connections were cut after \(drainTimeout)") }
        log.flush()
        EndSignals.end(0)
      }
      _ = signals.wait()
      EndSignals.end(128 + signals.last)
    }
  }

  private func serviceSettings() throws(Failure) -> ServiceSettings {
    ServiceSettings(
      queueCapacity: try ServeSettings.queue.value(flag: queue),
      laneCount: try ServeSettings.lanes.value(flag: lanes),
      maximumBodyBytes: try ServeSettings.maximumBody.value(flag: maximumBody),
      imageLimits: ImageLimits(
        maximumPixels: try ServeSettings.maximumPixels.value(flag: maximumPixels)))
  }

  private func serverConfiguration() throws(Failure) -> HTTPServerConfiguration {
    var configuration = HTTPServerConfiguration()
    configuration.addresses = [
      SocketAddress(
        host: try ServeSettings.host.value(flag: host),
        port: try ServeSettings.port.value(flag: port))
    ]
    configuration.limits.bodyLength = try ServeSettings.maximumBody.value(flag: maximumBody)
    configuration.limits.headLength = try ServeSettings.maximumHead.value(flag: maximumHead)
    configuration.headTimeout = try ServeSettings.headTimeout.value(flag: headTimeout)
    configuration.bodyTimeout = try ServeSettings.bodyTimeout.value(flag: bodyTimeout)
    configuration.idleTimeout = try ServeSettings.idleTimeout.value(flag: idleTimeout)
    return configuration
  }
}
