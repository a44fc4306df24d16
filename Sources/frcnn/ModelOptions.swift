import ArgumentParser
import Checkpoints
import Compute
import Families
import FasterRCNN

/// Which model a command works with, and on how many cores; the same for every command.
struct ModelOptions: ParsableArguments {
  @Option(help: ModelSettings.model.help)
  var model: String?

  @Option(help: ModelSettings.labels.help)
  var labels: String?

  @Option(help: ModelSettings.profile.help)
  var profile: String?

  @Option(help: ModelSettings.normalisationEpsilon.help)
  var batchNormEpsilon: String?

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
      let threads = compute.threadCount
      for lane in 0..<count {
        var choice = self
        // What does not divide goes to the first lanes; more lanes than cores have a thread each.
        let share = threads / count + (lane < threads % count ? 1 : 0)
        choice.compute.threadCount = max(1, share)
        detectors.append(try choice.detector(of: model))
      }
      return detectors
    }

    private static func kind(of error: ModelError) -> Failure.Kind {
      switch error {
      case .checkpoint(let error):
        if case .unreadable = error.reason { .missingInput } else { .brokenInput }
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
      options: try Self.options(
        profile: profile, labels: labels, normalisationEpsilon: batchNormEpsilon),
      compute: try compute.choice())
  }

  /// What flags and their variables say of a model, the file of labels read.
  static func options(
    profile: String?, labels: String?, normalisationEpsilon: String? = nil
  ) throws(Failure) -> Model.Options {
    Model.Options(
      profile: try ModelSettings.profile.value(flag: profile),
      labels: try ModelSettings.labels.value(flag: labels).map(Self.labels),
      normalisationEpsilon: try ModelSettings.normalisationEpsilon.value(
        flag: normalisationEpsilon))
  }

  /// The file beside a checkpoint whose settings go before the checkpoint's own, there or not.
  static func settingsFile(of path: String) -> String {
    Model.settingsPath(of: path)
  }

  private static func labels(_ path: String) throws(Failure) -> [String] {
    let bytes = try FileContents.read(path, limit: 1 << 20)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(.brokenInput, "\(path) is not UTF-8 text")
    }
    // Editors put a byte order mark before a text, and spaces behind its lines.
    let lines = text.drop { $0 == "\u{FEFF}" }.split(whereSeparator: \.isNewline)
    let labels = lines.map { line in
      let start = line.drop { $0.isWhitespace }
      return String(start.dropLast(start.reversed().prefix { $0.isWhitespace }.count))
    }.filter { !$0.isEmpty }
    guard !labels.isEmpty else {
      throw Failure(.brokenInput, "\(path) names no class; write one a line")
    }
    var known: Set<String> = []
    if let twice = labels.first(where: { !known.insert($0).inserted }) {
      throw Failure(.brokenInput, "\(path) names the class '\(twice)' twice")
    }
    return labels
  }
}

/// The choices about a model that flags and environment variables offer.
enum ModelSettings {
  static let model = Setting(
    name: "model",
    purpose: "A checkpoint of safetensors, PyTorch or NumPy; see frcnn inspect.",
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
