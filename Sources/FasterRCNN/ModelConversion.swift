internal import Checkpoints
internal import Detection
internal import Foundation
internal import Images
public import Tensors

/// A model under one set of names with all its settings, ready to be written as one file.
///
/// Whatever family and format it comes from, the tensors get simple-faster-rcnn's names, and what
/// the profile and the files said stands as JSON in the metadata, so that `Model.open` needs nothing
/// else. Weights stay as they are trained: batch normalisation is not folded.
public struct ModelConversion: Sendable {
  /// The tensors and, under `Model.settingsMetadataKey`, the settings.
  public private(set) var stateDictionary: StateDictionary

  private var settings: ModelSettings

  /// The tensors that keep their element type whatever is asked for: the statistics of batch
  /// normalisation, whose range is not that of weights.
  public let keptNames: Set<String>

  /// What was assumed of the model because its file does not say, and why; `nil` where nothing was.
  public let assumption: String?

  /// The name of the profile.
  public let profile: String

  /// Opens a file and names its contents anew; the weights stay in the file until they are written.
  ///
  /// - Parameters:
  ///   - path: a file of safetensors, PyTorch (zip or legacy), or NumPy.
  ///   - options: what the caller chooses over the file's own word.
  /// - Throws: `ModelError`, as `Model.open` does.
  public init(_ path: String, options: Model.Options = .init()) throws(ModelError) {
    try self.init(ModelContents.open(path, options: options))
  }

  /// The model that is a part of the program.
  ///
  /// - Throws: `ModelError`, which would be a defect of the program.
  public static func embedded() throws(ModelError) -> ModelConversion {
    try ModelConversion(ModelContents.embedded())
  }

  /// States the ranges that int8 needs, instead of those that the model may have.
  ///
  /// - Parameter ranges: as `Calibration.ranges` has them.
  /// - Throws: `ModelError` where the settings cannot be written as JSON.
  public mutating func setInputRanges(_ ranges: [String: Float]) throws(ModelError) {
    settings.int8InputRanges = ranges
    stateDictionary.metadata[Model.settingsMetadataKey] = try settings.json()
  }

  private init(_ contents: ModelContents) throws(ModelError) {
    let summary = contents.model.description
    var state = contents.state
    settings = contents.model.profile.settings.filled(from: contents.settings)
    state.metadata = ["format": "pt", Model.settingsMetadataKey: try settings.json()]
    stateDictionary = state
    keptNames = Set(
      state.names.filter { $0.hasSuffix(".running_mean") || $0.hasSuffix(".running_var") })
    assumption = summary.assumption
    profile = summary.profile
  }

  /// Refuses a type that cannot hold the weights.
  ///
  /// - Parameter floatType: `float32`, `float16` or `bfloat16`.
  /// - Throws: the first tensor of which a finite value would become infinite.
  public func check(fitsIn floatType: ElementType) throws(ValueOutOfRange) {
    for name in stateDictionary.names where !keptNames.contains(name) {
      guard let tensor = stateDictionary[name], tensor.elementType.isFloatingPoint,
        tensor.elementType != floatType
      else { continue }
      // The values halfway between the largest one and the next that the exponent would allow:
      // from there on rounding to nearest gives an infinity.
      let limit: Float =
        switch floatType {
        case .float16: 65_520
        case .bfloat16: 0x1.FFp127
        default: .infinity
        }
      let isWider = tensor.elementType == .float64
      let excess = unsafe tensor.withFloat32Values { values -> Float? in
        // Safety: the loop stays within the buffer's own indices.
        for index in values.indices {
          let value = unsafe values[index]
          let size = abs(value)
          if size >= limit, size.isFinite || isWider { return value }
        }
        return nil
      }
      if let excess {
        throw ValueOutOfRange(tensorName: name, value: excess, elementType: floatType)
      }
    }
  }

  /// A weight that a narrower type cannot hold.
  public struct ValueOutOfRange: Error, Sendable, CustomStringConvertible {
    /// The tensor, under its new name.
    public var tensorName: String
    /// The value, which is an infinity where float32 cannot hold it either.
    public var value: Float
    /// The type asked for.
    public var elementType: ElementType

    /// What is wrong and how to mend it.
    public var description: String {
      "tensor \"\(tensorName)\" holds \(value), which \(elementType.rawValue) cannot hold; "
        + "choose a wider type"
    }
  }
}

extension ModelProfile {
  /// The settings that make another copy of the profile equal to this one.
  var settings: ModelSettings {
    var settings = ModelSettings()
    let level = detection.levels[0]
    settings.profile = name
    settings.anchorBaseSize = level.anchors.baseSize
    settings.anchorScales = level.anchors.scales
    settings.anchorRatios = level.anchors.ratios
    settings.featureStride = level.featureStride
    settings.minSize = resize.minimumSide
    settings.maxSize = resize.maximumSide
    settings.interpolation = preprocessing.interpolation.rawValue
    settings.mean = (0..<3).map { preprocessing.mean[$0] }
    settings.std = (0..<3).map { preprocessing.standardDeviation[$0] }
    settings.scoreThreshold = detection.scoreThreshold
    settings.nmsThreshold = detection.classNMSThreshold
    return settings
  }
}

extension ModelSettings {
  /// The settings as JSON text with sorted keys; what is `nil` is left out.
  func json() throws(ModelError) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    } catch {
      throw .settings(source: "the model", reason: "they cannot be written as JSON: \(error)")
    }
  }
}
