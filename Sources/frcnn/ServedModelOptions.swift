import ArgumentParser
import FasterRCNN
import Service

/// Which models `frcnn serve` serves, and on how many cores.
struct ServedModelOptions: ParsableArguments {
  @Option(help: ServedModelSettings.models.help)
  var model: [String] = []

  @OptionGroup
  var stated: StatedModelOptions

  @Flag(help: ServedModelSettings.fixedModels.help)
  var fixedModels = false

  @OptionGroup
  var compute: ComputeOptions

  /// What `--model` says, each time that it is given.
  private func entries() throws(Failure) -> [ServedModelSettings.Entry] {
    var entries: [ServedModelSettings.Entry] = []
    if model.isEmpty { return try ServedModelSettings.models.value(flag: nil) }
    for text in model { entries += try ServedModelSettings.models.value(flag: text) }
    return entries
  }

  /// The models, in their order; the one that is part of the program where none is named.
  func sources() throws(Failure) -> [ModelFile] {
    let entries = try entries()
    if entries.isEmpty { return [ModelFile(name: nil, path: nil)] }
    var files: [ModelFile] = []
    for entry in entries { files += try ModelFolder.models(of: entry) }
    if files.count > 1 {
      // Two models cannot both have their own name, which nobody knows before they are open.
      if let unnamed = files.first(where: { $0.name == nil }) {
        throw Failure(
          .usage,
          "there are several models: name \(unnamed.path ?? "it") as --model NAME=FILE")
      }
      if try stated.saysAnything() {
        throw Failure(
          .usage,
          "--labels, --profile and --batch-norm-epsilon are of one model; with several they stand in the "
            + "file beside each, as "
            + "\(ModelOptions.settingsFile(of: files[0].path ?? "NAME"))")
      }
    }
    var names: Set<String> = []
    for file in files {
      guard let name = file.name, !names.insert(name).inserted else { continue }
      throw Failure(.usage, "two models are called '\(name)'")
    }
    return files
  }

  /// A model of a folder that was not there before.
  func find(_ name: String) -> ModelFile? {
    (try? sources())?.first { $0.name == name }
  }

  /// Whether requests may load and unload models: where they have names, unless it is forbidden.
  func allowsControl() throws(Failure) -> Bool {
    if try ServedModelSettings.fixedModels.value(isSet: fixedModels) { return false }
    return try sources().allSatisfy { $0.name != nil }
  }

  /// What the options say of a model, the file of labels read anew.
  func choice(_ file: ModelFile) throws(Failure) -> ModelOptions.Choice {
    ModelOptions.Choice(
      path: file.path, options: try stated.options(), compute: try compute.choice())
  }
}

/// The choices about served models that flags and environment variables offer.
enum ServedModelSettings {
  /// What `--model` says once.
  struct Entry: Sendable, Equatable {
    var name: String?
    var path: String

    /// Reads `PATH` or `NAME=PATH`; a name is what can stand in a path of a URL as it is.
    init?(_ text: String) {
      guard !text.isEmpty else { return nil }
      if let equals = text.firstIndex(of: "="), Self.isName(text[..<equals]) {
        name = String(text[..<equals])
        path = String(text[text.index(after: equals)...])
        if path.isEmpty { return nil }
      } else {
        path = text
      }
    }

    /// Whether a text may name a model.
    static func isName(_ text: some StringProtocol) -> Bool {
      (1...128).contains(text.utf8.count) && text.first != "."
        && text.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
          default: "-._~".utf8.contains(byte)
          }
        }
    }
  }

  static let models = Setting<[Entry]>(
    name: "model",
    purpose: """
      A checkpoint of safetensors, PyTorch, NumPy or Caffe; NAME=FILE names it, and may be given several times \
      (in the variable divided by semicolons); a folder is that of one checkpoint, or has a folder for \
      each model. Without a name requests get the first.
      """,
    standard: [], standardText: "the model that is part of the program",
    form: SettingForm(valueName: "file", expectation: "FILE, NAME=FILE or a folder") { text in
      let entries = text.split(separator: ";").map { Entry(String($0)) }
      guard !entries.isEmpty, entries.allSatisfy({ $0 != nil }) else { return nil }
      return entries.compactMap(\.self)
    })

  static let fixedModels = Setting(
    name: "fixed-models",
    purpose: "Let no request load or unload a model.",
    standard: false, standardText: "off: models that have names can be loaded and unloaded",
    form: .truth)
}
