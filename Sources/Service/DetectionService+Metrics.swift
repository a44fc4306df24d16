internal import Dispatch
internal import HTTP1
public import HTTPServer
internal import Observability
internal import Synchronization

extension DetectionService {
  /// Names a server whose connections `GET /metrics` tells; those of several are added up.
  ///
  /// - Parameter statistics: asked each time; `nil` once the server is gone.
  public func reportConnections(of statistics: @escaping @Sendable () -> ServerStatistics?) {
    servers.withLock { $0.append(statistics) }
  }

  /// `GET /metrics`: gathers and answers on a queue of its own, because reading `/proc` takes longer
  /// than the server's queue should wait.
  func answerMetrics(_ conversation: Conversation) {
    Self.documentQueue.async { [self] in
      let format = MetricsFormat(acceptedBy: conversation.request.fields)
      let document = MetricsDocument(
        metrics: rules.metrics, models: registry.served, isReady: isReady, load: queue.load,
        capacity: queue.limits.requests, laneCount: queue.laneCount,
        connections: connectionStatistics, process: ProcessFigures())
      var response = HTTPResponse(status: 200, body: document.text(format))
      response.fields.append("Content-Type", format.rawValue)
      response.fields.append("Cache-Control", "no-store")
      response.fields.append("Vary", "Accept")
      conversation.answer(response)
    }
  }

  /// Where documents are written that take their time or may have to wait for the model's digest.
  static let documentQueue = DispatchQueue(label: "frcnn-documents")

  private var connectionStatistics: ServerStatistics? {
    let known = servers.withLock { $0 }.compactMap { $0() }
    guard let first = known.first else { return nil }
    return known.dropFirst().reduce(first, +)
  }
}
