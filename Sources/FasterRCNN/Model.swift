internal import CEmbeddedModel
internal import COpenSSL
internal import Checkpoints
internal import Detection
internal import Foundation
internal import Images
internal import Networks
internal import Tensors

/// A Faster R-CNN read from a checkpoint: its networks, its profile and what it says of itself.
///
/// Opening one reads names, shapes and settings; the weights are reordered for the CPU when a
/// `Detector` is made of it. Several detectors of one model share the weights.
public struct Model: Sendable {
  /// What a caller may choose when a model is opened; the file's own word stands where it is `nil`.
  public struct Options: Sendable {
    /// The name of the profile.
    public var profile: String?

    /// The names of the classes, without background.
    public var labels: [String]?

    /// Makes a set of options.
    public init(profile: String? = nil, labels: [String]? = nil) {
      self.profile = profile
      self.labels = labels
    }
  }

  /// The key of a safetensors file's metadata under which its settings stand as JSON text.
  public static let settingsMetadataKey = "frcnn"

  /// What answers say of the model.
  public let description: ModelDescription

  /// The words that the model has for people, if it has any.
  public let about: String?

  /// The backbone, as `VGG with 13 convolutions`.
  public let architecture: String

  let networks: DetectorNetworks
  let profile: ModelProfile

  /// The model that is a part of the program: red cells, white cells and platelets in pictures of
  /// blood smears.
  ///
  /// - Throws: `ModelError`, which would be a defect of the program.
  public static func embedded() throws(ModelError) -> Model {
    // Safety: both are constants of the program, which are never freed and never written, and as
    // long as the functions say.
    var count = 0
    let start = unsafe frcnn_embedded_weights(&count)
    let weights = unsafe ByteStorage(
      adopting: UnsafeRawBufferPointer(start: start, count: count), release: { _ in })
    let text = unsafe frcnn_embedded_settings(&count)
    let settings = unsafe Array(UnsafeRawBufferPointer(start: text, count: count))
    return try Model(
      storage: weights, fallbackName: "embedded",
      sidecar: ModelSettings(json: settings, source: "the embedded model"), options: Options())
  }

  /// Opens a checkpoint file.
  ///
  /// Settings come from the options, then from `<file>.json` beside the checkpoint (its extension replaced),
  /// then from the file's own metadata, and last from the profile.
  ///
  /// - Parameters:
  ///   - path: a file of safetensors, PyTorch (zip or legacy), or NumPy.
  ///   - options: what the caller chooses over the file's own word.
  /// - Returns: the model; its weights are still in the file, which stays mapped until a detector
  ///   has read them.
  /// - Throws: `ModelError` that says what is wrong, where, and how to mend it.
  public static func open(_ path: String, options: Options = Options()) throws(ModelError) -> Model
  {
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
    return try Model(
      storage: storage, path: path, fallbackName: url.deletingPathExtension().lastPathComponent,
      sidecar: sidecar, options: options)
  }

  private init(
    storage: ByteStorage, path: String? = nil, fallbackName: String, sidecar: ModelSettings,
    options: Options
  ) throws(ModelError) {
    let checkpoint: Checkpoint
    do {
      checkpoint = try Checkpoint(contentsOf: storage)
    } catch {
      var located = error
      located.path = path
      throw .checkpoint(located)
    }
    var settings = sidecar
    if let text = checkpoint.stateDictionary.metadata[Model.settingsMetadataKey] {
      settings = settings.filled(
        from: try ModelSettings(json: Array(text.utf8), source: "the checkpoint's metadata"))
    }
    settings.profile = options.profile ?? settings.profile
    settings.labels = options.labels ?? settings.labels

    let recognition = try Recognition(checkpoint, requested: settings.profile)
    settings = settings.filled(from: recognition.settings)
    var profile = recognition.profile
    profile.apply(settings)
    self.profile = profile

    do {
      networks = try DetectorNetworks(recognition.state, settings: profile.backbone)
    } catch {
      throw .architecture(error)
    }
    try profile.check(against: networks, settings: settings)
    let classCount = networks.classCount - 1
    let labels = settings.labels ?? (1...classCount).map { "class \($0)" }
    guard labels.count == classCount else {
      throw .mismatch(
        "there are \(labels.count) labels, but head.score.weight has \(classCount) classes "
          + "besides background; give one label for each class")
    }
    description = ModelDescription(
      name: settings.name ?? fallbackName, version: settings.version ?? "1",
      sha256: Self.sha256(of: storage), profile: profile.name, labels: labels,
      scoreThreshold: profile.detection.scoreThreshold,
      nmsThreshold: profile.detection.classNMSThreshold,
      proposalCount: profile.detection.testCounts.afterNMS,
      parameterCount: recognition.state.parameterCount,
      assumption: recognition.assumption)
    about = settings.description
    architecture = networks.backboneName
  }

  private static func sha256(of storage: ByteStorage) -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    var count: UInt32 = 0
    let status = unsafe storage.withUnsafeBytes { bytes in
      // Safety: SHA-256 writes 32 bytes, which `digest` has room for.
      unsafe EVP_Digest(bytes.baseAddress, bytes.count, &digest, &count, EVP_sha256(), nil)
    }
    guard status == 1 else { return "" }
    let digits = Array("0123456789abcdef")
    return String(digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }
}

extension ModelProfile {
  /// Replaces what the model itself states.
  mutating func apply(_ settings: ModelSettings) {
    for index in detection.levels.indices {
      if let size = settings.anchorBaseSize { detection.levels[index].anchors.baseSize = size }
      if let scales = settings.anchorScales { detection.levels[index].anchors.scales = scales }
      if let ratios = settings.anchorRatios { detection.levels[index].anchors.ratios = ratios }
    }
    if let side = settings.minSize { resize.minimumSide = side }
    if let side = settings.maxSize { resize.maximumSide = side }
    if let name = settings.interpolation,
      let interpolation = Preprocessing.Interpolation(rawValue: name)
    {
      preprocessing.interpolation = interpolation
    }
    if let mean = settings.mean { preprocessing.mean = SIMD3(mean) }
    if let std = settings.std { preprocessing.standardDeviation = SIMD3(std) }
    if let threshold = settings.scoreThreshold { detection.scoreThreshold = threshold }
    if let threshold = settings.nmsThreshold { detection.classNMSThreshold = threshold }
  }

  /// Refuses a profile that the networks cannot be run with.
  func check(
    against networks: DetectorNetworks, settings: ModelSettings
  ) throws(ModelError) {
    let level = detection.levels[0]
    guard level.anchors.anchorsPerCell == networks.anchorsPerCell else {
      throw .mismatch(
        "rpn.score.weight has \(networks.anchorsPerCell) anchors in a cell, but the settings make "
          + "\(level.anchors.anchorsPerCell): \(level.anchors.ratios.count) ratios x "
          + "\(level.anchors.scales.count) scales; set anchor_scales and anchor_ratios")
    }
    for (source, stride) in [
      ("the profile \(name)", level.featureStride), ("feature_stride", settings.featureStride),
    ] {
      guard let stride, stride != networks.featureStride else { continue }
      throw .mismatch(
        "the backbone's stride is \(networks.featureStride) pixels, but \(source) says \(stride)")
    }
    guard detection.roiSize == networks.pooledSize else {
      throw .mismatch(
        "the head reads RoIs of \(networks.pooledSize)x\(networks.pooledSize) cells, but the "
          + "profile \(name) pools \(detection.roiSize)x\(detection.roiSize); choose another with "
          + "--profile")
    }
  }
}
