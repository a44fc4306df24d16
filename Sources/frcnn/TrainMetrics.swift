import TrainingReport
import HTTP1
import HTTPServer
import Observability
import Synchronization
import Training
import TrainingRun

/// Answers Prometheus while a training goes on.
final class TrainMetrics: RequestHandler {
  private struct Figures {
    var report: StepReport?
    var epoch = 0.0
    var stepCount: Int
    var picturesPerSecond = 0.0
    var picturesSeen = 0
    var classes: [Double?] = []
    var mean: Double?
    var best: Double?
    var savedIteration: Int?
    var saveFailures = 0
  }

  private let labels: [String]
  private let picturesPerStep: Int
  private let figures: Mutex<Figures>

  init(labels: [String], stepCount: Int, picturesPerStep: Int) {
    self.labels = labels
    self.picturesPerStep = picturesPerStep
    figures = Mutex(Figures(stepCount: stepCount))
  }

  /// Listens; says where.
  func start(host: String, port: Int) throws(Failure) -> HTTPServer {
    var configuration = HTTPServerConfiguration()
    configuration.addresses = [SocketAddress(host: host, port: port)]
    let server = HTTPServer(configuration: configuration, handler: self)
    do throws(HTTPServerError) {
      for address in try server.start() {
        StandardError.write("frcnn: metrics on http://\(address)/metrics\n")
      }
    } catch {
      throw Failure(error)
    }
    return server
  }

  /// Takes note of what happened.
  func take(_ event: TrainingRun.Event, picturesPerSecond: Double) {
    figures.withLock { figures in
      switch event {
      case .step(let report, let epoch):
        figures.report = report
        figures.epoch = epoch
        figures.picturesPerSecond = picturesPerSecond
        figures.picturesSeen += picturesPerStep
      case .measured(let validation, _):
        figures.classes = validation.classes
        figures.mean = validation.mean
        figures.best = max(figures.best ?? 0, validation.mean ?? 0)
      case .saved(_, let iteration): figures.savedIteration = iteration
      case .notSaved: figures.saveFailures += 1
      case .measuring: break
      }
    }
  }

  // MARK: Answers

  func admit(head: HTTPRequest) -> HTTPAdmission { .admitted(ticket: nil) }

  func handle(_ request: HTTPRequest, respond: @escaping @Sendable (HTTPResponse) -> Void) {
    guard request.path == "/metrics" else {
      return respond(
        Self.text(404, "There is /metrics, and nothing else, while a training goes on.\n"))
    }
    guard request.method == "GET" || request.method == "HEAD" else {
      var response = Self.text(405, "GET is what /metrics takes.\n")
      response.fields.append("Allow", "GET, HEAD")
      return respond(response)
    }
    var fields = HTTPFields()
    fields.append("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
    respond(HTTPResponse(status: 200, fields: fields, body: document()))
  }

  func response(to refusal: HTTPRefusal) -> HTTPResponse {
    Self.text(refusal.status, refusal.detail + "\n")
  }

  private static func text(_ status: Int, _ words: String) -> HTTPResponse {
    var fields = HTTPFields()
    fields.append("Content-Type", "text/plain; charset=utf-8")
    return HTTPResponse(status: status, fields: fields, body: Array(words.utf8))
  }

  private func document() -> [UInt8] {
    let figures = figures.withLock { $0 }
    var writer = MetricsWriter(.prometheus)
    let report = figures.report
    writer.single(
      "frcnn_training_iteration", .gauge, "The last step that was done.", report?.iteration ?? 0)
    writer.single("frcnn_training_iterations", .gauge, "The steps in all.", figures.stepCount)
    writer.single(
      "frcnn_training_pictures_total", .counter, "Pictures learnt from since the start.",
      figures.picturesSeen)
    gauge("frcnn_training_epoch", "How often all pictures were seen.", figures.epoch)
    gauge(
      "frcnn_training_pictures_per_second", "Pictures learnt from in a second.",
      figures.picturesPerSecond)
    if let report {
      gauge("frcnn_training_learning_rate", "The learning rate.", report.rate)
      gauge(
        "frcnn_training_gradient_norm", "The norm of all gradients, before it was bounded.",
        Double(report.gradientNorm))
      writer.family("frcnn_training_loss", .gauge, "The losses of the last step, by part.")
      for (part, loss) in [
        ("total", report.losses.total), ("rpn_class", report.losses.rpnClassification),
        ("rpn_box", report.losses.rpnRegression), ("roi_class", report.losses.roiClassification),
        ("roi_box", report.losses.roiRegression),
      ] { writer.sample("frcnn_training_loss", Double(loss), [(name: "part", value: part)]) }
      writer.family(
        "frcnn_training_step_seconds", .gauge, "How long the parts of the last step took.",
        unit: "seconds")
      for (part, time) in [
        ("forward", report.milliseconds.forward), ("backward", report.milliseconds.backward),
        ("update", report.milliseconds.update),
      ] { writer.sample("frcnn_training_step_seconds", time / 1000, [(name: "part", value: part)]) }
    }
    if let mean = figures.mean {
      gauge("frcnn_training_validation_map", "The last mean average precision.", mean)
      gauge("frcnn_training_validation_best_map", "The best one.", figures.best ?? mean)
      writer.family(
        "frcnn_training_validation_ap", .gauge, "The last average precision of each class.")
      for (label, precision) in zip(labels, figures.classes) {
        guard let precision else { continue }
        writer.sample("frcnn_training_validation_ap", precision, [(name: "class", value: label)])
      }
    }
    if let saved = figures.savedIteration {
      writer.single(
        "frcnn_training_saved_iteration", .gauge, "The step that was saved last.", saved)
    }
    writer.single(
      "frcnn_training_save_failures_total", .counter, "How often the training could not be saved.",
      figures.saveFailures)
    ProcessFigures()?.write(to: &writer)
    func gauge(_ name: String, _ help: String, _ value: Double) {
      writer.family(name, .gauge, help)
      writer.sample(name, value)
    }
    return writer.finish()
  }
}
