internal import FasterRCNN
internal import HTTPServer
internal import Observability

/// Everything that `GET /metrics` tells, at one moment.
struct MetricsDocument {
  var metrics: ServiceMetrics
  /// The models that serve.
  var models: [ServedModel]
  /// Whether requests are welcome.
  var isReady: Bool
  var load: WorkQueue.Load
  var capacity: Int
  var laneCount: Int
  /// What the servers counted; `nil` where none was named.
  var connections: ServerStatistics?
  var process: ProcessFigures?

  /// The figures as text.
  func text(_ format: MetricsFormat) -> [UInt8] {
    var writer = MetricsWriter(format)
    writeRequests(&writer)
    writeQueue(&writer)
    writePictures(&writer)
    writeModel(&writer)
    if let connections { Self.write(connections, &writer) }
    process?.write(to: &writer)
    return writer.finish()
  }

  private func writeRequests(_ writer: inout MetricsWriter) {
    writer.counters(
      "frcnn_requests_total",
      "Requests by route and status; 499 is a client that went away before its answer.",
      labels: ["route", "code"], metrics.requests)
    writer.histograms(
      "frcnn_request_duration_seconds", "From a request's arrival to its answer.", unit: "seconds",
      label: "route", metrics.requestDuration)
    writer.histograms(
      "frcnn_stage_duration_seconds", "The parts of a request's work.", unit: "seconds",
      label: "stage", metrics.stageDuration)
    writer.counters(
      "frcnn_rejected_total", "Requests answered with a problem, by its kind.", labels: ["reason"],
      metrics.rejections)
    writer.counters(
      "frcnn_cancelled_total", "Requests whose client went away.", labels: [],
      metrics.cancellations)
  }

  private func writeQueue(_ writer: inout MetricsWriter) {
    writer.single("frcnn_queue_depth", .gauge, "Requests that wait for a lane.", load.waiting)
    writer.single("frcnn_queue_capacity", .gauge, "Requests that may wait for a lane.", capacity)
    writer.histograms(
      "frcnn_queue_wait_seconds", "How long requests waited for a lane.", unit: "seconds",
      metrics.queueWait)
    writer.single("frcnn_inflight", .gauge, "Requests being worked on.", load.running)
    writer.single("frcnn_lanes", .gauge, "Requests that may be worked on at once.", laneCount)
  }

  private func writePictures(_ writer: inout MetricsWriter) {
    writer.histograms(
      "frcnn_batch_size", "Pictures and feature maps of a request.", label: "model",
      metrics.batchSize)
    writer.counters(
      "frcnn_lines_total", "Lines of answers in lines, by what they tell.", labels: ["outcome"],
      metrics.lines)
    writer.counters(
      "frcnn_fetches_total", "Pictures named by URL, by what became of them.", labels: ["outcome"],
      metrics.fetches)
    writer.histograms(
      "frcnn_proposals_per_image", "Regions proposed in a picture.", label: "model",
      metrics.proposals)
    writer.histograms(
      "frcnn_detections_per_image", "Objects found in a picture.", label: "model",
      metrics.detections)
    writer.counters(
      "frcnn_decode_errors_total", "Pictures that could not be decoded.", labels: ["kind"],
      metrics.decodeErrors)
    writer.counters(
      "frcnn_nonfinite_total", "Pictures for which a model computed an infinity or NaN.",
      labels: ["model"], metrics.nonFinite)
  }

  private func writeModel(_ writer: inout MetricsWriter) {
    writer.counters(
      "frcnn_model_requests_total", "Requests that a model has worked on, by outcome.",
      labels: ["model", "outcome"], metrics.modelRequests)
    if !models.isEmpty {
      writer.family("frcnn_model_info", .info, "The models that are served.")
      for model in models {
        let description = model.description
        writer.sample(
          "frcnn_model_info", 1,
          [
            (name: "name", value: model.name), (name: "version", value: description.version),
            (name: "sha256", value: description.sha256),
            (name: "profile", value: description.profile),
            (name: "precision", value: model.backend.precision),
          ])
      }
      let plans = models.map { (label: (name: "model", value: $0.name), $0.backend.planCache) }
      writer.family("frcnn_plan_cache_hits_total", .counter, "Runs that found their plan kept.")
      for (label, plans) in plans {
        writer.sample("frcnn_plan_cache_hits_total", plans.hits, [label])
      }
      writer.family(
        "frcnn_plan_cache_misses_total", .counter,
        "Runs that had to build their plan: a size that was new or not seen for long.")
      for (label, plans) in plans {
        writer.sample("frcnn_plan_cache_misses_total", plans.misses, [label])
      }
    }
    writer.single(
      "frcnn_ready", .gauge, "1 while a model is served and requests are welcome, else 0.",
      isReady ? 1 : 0)
    writer.counters(
      "frcnn_model_loads_total", "Models opened and warmed up, by outcome.", labels: ["outcome"],
      metrics.modelLoads)
  }

  private static func write(_ connections: ServerStatistics, _ writer: inout MetricsWriter) {
    writer.single(
      "frcnn_http_connections", .gauge, "Connections that are open.", connections.openConnections)
    writer.single(
      "frcnn_http_connections_accepted_total", .counter, "Connections accepted.",
      connections.acceptedConnections)
    writer.single(
      "frcnn_http_requests_refused_total", .counter,
      "Requests that could not be read: malformed, over a limit, or too slow.",
      connections.refusedRequests)
    writer.single(
      "frcnn_http_handshake_failures_total", .counter,
      "TLS handshakes that failed or took too long.", connections.failedHandshakes)
    writer.single(
      "frcnn_http_accept_pauses_total", .counter,
      "Times that accepting paused because connections or descriptors had run out.",
      connections.acceptPauses)
  }
}
