import ArgumentParser
import Checkpoints
import Compute
import Families
import FasterRCNN
import Tensors

/// Which model a command works with, and on how many cores; the same for every command.
struct ModelOptions: ParsableArguments {
  @Option(help: ModelSettings.model.help)
  var model: String?

  @OptionGroup
  var stated: StatedModelOptions

  @OptionGroup
  var compute: ComputeOptions

  /// What was chosen, read and checked.
  struct Choice: Sendable {
    var path: String?
    var options: Model.Options
    var compute: ComputeOptions.Choice

    /// Opens the model.
    func openModel() throws(Failure) -> Model {
      do {
        guard let path else { return try Model.embedded(options: options) }
        return try Model.open(path, options: options)
      } catch {
        throw Self.failure(error, path: path)
      }
    }

    /// What ends the program where a model cannot be opened.
    static func failure(_ error: ModelError, path: String?) -> Failure {
      let text = "\(error)"
      // A broken file's error has the path in it.
      guard let path, !text.contains(path) else { return Failure(kind(of: error), text) }
      return Failure(kind(of: error), "\(path): \(text)")
    }

    /// Opens the model and makes a detector of it; says what was assumed of the model.
    func openDetector() throws(Failure) -> Detector {
      let model = try openModel()
      Self.announce(model)
      var choice = self
      try choice.settlePrecision(for: model)
      return try choice.detector(of: model)
    }

    /// Decides in which precision a model is computed; before `detector(of:)`.
    mutating func settlePrecision(for model: Model) throws(Failure) {
      compute.plan.precision = try compute.precision.precision(for: model)
    }

    /// Says on standard error what was assumed of a model because its file does not say, and what was
    /// passed over in it.
    static func announce(_ model: Model) {
      announce(assumption: model.description.assumption, remarks: model.remarks)
    }

    /// The same of a model in parts.
    static func announce(assumption: String?, remarks: [String] = []) {
      if let assumption { StandardError.write("frcnn: assumed \(assumption)\n") }
      for remark in remarks { StandardError.write("frcnn: note: \(remark)\n") }
    }

    /// Makes a detector of an opened model; several of one model share its weights.
    func detector(of model: Model) throws(Failure) -> Detector {
      do {
        return try Detector(
          model: model,
          options: .init(
            threadCount: compute.threadCount, plan: compute.plan,
            winogradBudget: compute.winogradBudget))
      } catch {
        throw Failure(.internalError, "\(error)")
      }
    }

    /// Makes a detector for each of some lanes, which share the model's weights; the threads are shared out among them.
    func detectors(of model: Model, count: Int) throws(Failure) -> [Detector] {
      var detectors: [Detector] = []
      for share in LaneThreads.shares(of: compute.threadCount, among: count) {
        var choice = self
        choice.compute.threadCount = share
        detectors.append(try choice.detector(of: model))
      }
      return detectors
    }

    private static func kind(of error: ModelError) -> Failure.Kind {
      switch error {
      case .checkpoint(let error):
        // A file without a byte was read: its contents are wrong.
        if case .unreadable(let error) = error.reason, error.reason != .empty {
          .missingInput
        } else {
          .brokenInput
        }
      case .family(.unknown): .usage
      case .family(.unreadable): .missingInput
      case .family, .architecture, .mismatch: .brokenInput
      }
    }
  }

  /// Reads the flags and their variables, and the file of labels.
  func choice() throws(Failure) -> Choice {
    Choice(
      path: try ModelSettings.model.value(flag: model),
      options: try stated.options(),
      compute: try compute.choice())
  }

  /// The file beside a checkpoint whose settings go before the checkpoint's own, there or not.
  static func settingsFile(of path: String) -> String {
    Model.settingsPath(of: path)
  }
}

/// The choices about a model that flags and environment variables offer.
enum ModelSettings {
  static let model = Setting(
    name: "model",
    purpose: "A checkpoint of safetensors, PyTorch, NumPy or Caffe; see frcnn inspect.",
    standard: nil, standardText: "the model that is part of the program", form: .path)

  static let labels = Setting(
    name: "labels", purpose: "The names of the model's classes, one a line, without background.",
    standard: nil, standardText: "those that the model states", form: .path)

  static let normalisationEpsilon = Setting<Double?>(
    name: "batch-norm-epsilon",
    purpose: """
      The epsilon of batch normalisation, which no state dictionary holds: 0 for models that were \
      trained on from COCO_V1 weights.
      """,
    standard: nil, standardText: "what the model states",
    form: SettingForm<Double?>(valueName: "number", expectation: "a number from 0 to 1") { text in
      guard let number = Double(text), (0...1).contains(number) else { return nil }
      return .some(number)
    })

  static let profile = Setting(
    name: "profile", purpose: "The family whose conventions the model was trained with.",
    standard: nil, standardText: "what the model states or is recognised by",
    form: SettingForm<String?>(valueName: "name", expectation: "the name of a profile") {
      $0.isEmpty ? .none : .some($0)
    })
}
