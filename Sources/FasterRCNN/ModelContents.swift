internal import CEmbeddedModel
internal import Checkpoints
internal import Detection
internal import Foundation
internal import Networks
internal import Tensors

/// A checkpoint that was opened as a model: the model, and what it was made of.
///
/// It holds the file's mapping; a `Model` alone lets go of it as its layers are read.
struct ModelContents {
  let model: Model

  /// What the file held, under its own names.
  let checkpoint: Checkpoint

  /// The tensors under simple-faster-rcnn's names.
  let state: StateDictionary

  /// What the caller and the file state, without what the profile adds.
  let settings: ModelSettings

  /// The size of the file.
  let byteCount: Int

  /// The model that is a part of the program.
  static func embedded() throws(ModelError) -> ModelContents {
    // Safety: both are constants of the program, which are never freed and never written, and as
    // long as the functions say.
    var count = 0
    let start = unsafe frcnn_embedded_weights(&count)
    let weights = unsafe ByteStorage(
      adopting: UnsafeRawBufferPointer(start: start, count: count), release: { _ in })
    let text = unsafe frcnn_embedded_settings(&count)
    let settings = unsafe Array(UnsafeRawBufferPointer(start: text, count: count))
    return try ModelContents(
      storage: weights, fallbackName: "embedded",
      sidecar: ModelSettings(json: settings, source: "the embedded model"),
      options: Model.Options())
  }

  /// Opens a checkpoint file with the settings beside it, as `Model.open` describes.
  static func open(_ path: String, options: Model.Options) throws(ModelError) -> ModelContents {
    let url = URL(fileURLWithPath: path)
    let storage: ByteStorage
    do {
      storage = try ByteStorage.mapping(path: path)
    } catch {
      throw .checkpoint(CheckpointError(.unreadable(error), path: path))
    }
    let sidecarURL = url.deletingPathExtension().appendingPathExtension("json")
    var sidecar = ModelSettings()
    if sidecarURL.path != url.path, let data = try? Data(contentsOf: sidecarURL) {
      sidecar = try ModelSettings(json: Array(data), source: sidecarURL.path)
    }
    return try ModelContents(
      storage: storage, path: path, fallbackName: url.deletingPathExtension().lastPathComponent,
      sidecar: sidecar, options: options)
  }

  private init(
    storage: ByteStorage, path: String? = nil, fallbackName: String, sidecar: ModelSettings,
    options: Model.Options
  ) throws(ModelError) {
    do {
      checkpoint = try Checkpoint(contentsOf: storage)
    } catch {
      var located = error
      located.path = path
      throw .checkpoint(located)
    }
    byteCount = storage.count
    var settings = sidecar
    if let text = checkpoint.stateDictionary.metadata[Model.settingsMetadataKey] {
      settings = settings.filled(
        from: try ModelSettings(json: Array(text.utf8), source: "the checkpoint's metadata"))
    }
    settings.profile = options.profile ?? settings.profile
    settings.labels = options.labels ?? settings.labels

    let recognition = try Recognition(checkpoint, requested: settings.profile)
    settings = settings.filled(from: recognition.settings)
    self.settings = settings
    state = recognition.state
    var profile = recognition.profile
    profile.apply(settings)

    var networks: DetectorNetworks
    do {
      networks = try DetectorNetworks(recognition.state, settings: profile.backbone)
    } catch {
      throw .architecture(error)
    }
    try profile.check(against: networks, settings: settings)
    if let ranges = settings.int8InputRanges {
      let known = Set(networks.lowPrecisionLayers)
      if let stranger = ranges.keys.sorted().first(where: { !known.contains($0) }) {
        throw .mismatch(
          "int8_input_ranges names the layer \(stranger), which the model does not have or which is "
            + "not computed in int8; calibrate the model anew")
      }
      networks = networks.calibrated(ranges)
    }
    let classCount = networks.classCount - 1
    let labels = settings.labels ?? (1...classCount).map { "class \($0)" }
    guard labels.count == classCount else {
      throw .mismatch(
        "there are \(labels.count) labels, but head.score.weight has \(classCount) classes "
          + "besides background; give one label for each class")
    }
    // Everything fits: only now is it worth reading the whole file.
    let description = ModelDescription(
      name: settings.name ?? fallbackName, version: settings.version ?? "1",
      digest: FileDigest(of: storage),
      profile: profile.name, labels: labels, scoreThreshold: profile.detection.scoreThreshold,
      nmsThreshold: profile.detection.classNMSThreshold,
      maximumDetections: profile.detection.maximumDetections,
      proposalCount: profile.detection.testCounts.afterNMS,
      parameterCount: recognition.state.parameterCount, assumption: recognition.assumption)
    model = Model(
      description: description, about: settings.description, networks: networks, profile: profile)
  }
}
