internal import Foundation
internal import Images

/// What a model says of itself, in a JSON file beside the checkpoint or in its metadata.
///
/// Every field may be left out; the profile's own value stands then.
struct ModelSettings: Sendable, Equatable, Codable {
  /// The name that answers carry.
  var name: String?
  /// The version that answers carry.
  var version: String?
  /// The name of the profile.
  var profile: String?
  /// The names of the classes, without background.
  var labels: [String]?
  /// The side in pixels that anchor scales multiply.
  var anchorBaseSize: Float?
  /// The sides of anchors in base sizes.
  var anchorScales: [Float]?
  /// Heights of anchors divided by widths.
  var anchorRatios: [Float]?
  /// The pixels from one cell of the feature map to the next; checked, not set.
  var featureStride: Int?
  /// What the shorter side of a picture is resized to.
  var minSize: Int?
  /// What the longer side of a picture may become.
  var maxSize: Int?
  /// How a resized picture is sampled, as `Preprocessing.Interpolation` names it.
  var interpolation: String?
  /// What is subtracted from each channel after division.
  var mean: [Float]?
  /// What divides each channel then.
  var std: [Float]?
  /// The score threshold where a request names none.
  var scoreThreshold: Float?
  /// The threshold of non-maximum suppression in each class where a request names none.
  var nmsThreshold: Float?
  /// For layers that may be computed in int8, the largest value of their input that is told from
  /// larger ones; what `frcnn calibrate` measures.
  var int8InputRanges: [String: Float]?
  /// What the model is, for people.
  var description: String?

  enum CodingKeys: String, CodingKey {
    case name, version, profile, labels, interpolation, mean, std, description
    case anchorBaseSize = "anchor_base_size"
    case anchorScales = "anchor_scales"
    case anchorRatios = "anchor_ratios"
    case featureStride = "feature_stride"
    case minSize = "min_size"
    case maxSize = "max_size"
    case scoreThreshold = "score_threshold"
    case nmsThreshold = "nms_threshold"
    case int8InputRanges = "int8_input_ranges"
  }

  /// Makes settings that leave everything to the profile.
  init() {}

  /// Reads settings from JSON text.
  ///
  /// - Parameters:
  ///   - json: UTF-8 text, at most 1 MiB.
  ///   - source: where it came from, for errors.
  /// - Throws: `ModelError.settings` with the place in the text or the field that does not fit.
  init(json: [UInt8], source: String) throws(ModelError) {
    guard json.count <= 1 << 20 else {
      throw .settings(source: source, reason: "\(json.count) bytes are more than 1 MiB")
    }
    do {
      self = try JSONDecoder().decode(ModelSettings.self, from: Data(json))
    } catch let error as DecodingError {
      throw .settings(source: source, reason: Self.describe(error))
    } catch {
      throw .settings(source: source, reason: "it is no JSON")
    }
    try check(source: source)
  }

  private static func describe(_ error: DecodingError) -> String {
    func path(_ context: DecodingError.Context) -> String {
      context.codingPath.map(\.stringValue).joined(separator: ".")
    }
    switch error {
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
      return "\"\(path(context))\" must be \(Self.word(for: type))"
    case .keyNotFound(let key, _): return "\"\(key.stringValue)\" is missing"
    case .dataCorrupted(let context):
      let place = path(context)
      return place.isEmpty ? "it is no JSON" : "\"\(place)\" does not fit"
    @unknown default: return "it does not fit"
    }
  }

  private static func word(for type: Any.Type) -> String {
    switch type {
    case is Int.Type: "a whole number"
    case is Float.Type: "a number"
    case is String.Type: "a string"
    case is [String: Float].Type: "an object of numbers"
    default: "a list"
    }
  }

  /// Refuses values that no network could be run with.
  private func check(source: String) throws(ModelError) {
    func require(
      _ condition: Bool, _ field: String, _ wanted: String
    ) throws(ModelError) {
      guard condition else {
        throw .settings(source: source, reason: "\"\(field)\" must be \(wanted)")
      }
    }
    // Sides beyond these make no sense for pictures, and bound what a request can cost.
    let sides = 1...8192
    for (field, value) in [("min_size", minSize), ("max_size", maxSize)] {
      try require(value.map { sides.contains($0) } ?? true, field, "between 1 and 8192 pixels")
    }
    for (field, value) in [
      ("score_threshold", scoreThreshold), ("nms_threshold", nmsThreshold),
    ] {
      try require(value.map { (0...1).contains($0) } ?? true, field, "between 0 and 1")
    }
    for (field, values) in [("anchor_scales", anchorScales), ("anchor_ratios", anchorRatios)] {
      guard let values else { continue }
      try require(
        (1...64).contains(values.count) && values.allSatisfy { $0 > 0 && $0.isFinite }, field,
        "1 to 64 positive numbers")
    }
    try require(
      anchorBaseSize.map { $0 > 0 && $0.isFinite } ?? true, "anchor_base_size", "positive")
    try require(
      mean.map { $0.count == 3 && $0.allSatisfy(\.isFinite) } ?? true, "mean", "three numbers")
    try require(
      std.map { $0.count == 3 && $0.allSatisfy { $0.isFinite && $0 > 0 } } ?? true, "std",
      "three positive numbers")
    try require(
      int8InputRanges.map { $0.values.allSatisfy { $0 > 0 && $0.isFinite } } ?? true,
      "int8_input_ranges", "positive numbers, one for each layer's name")
    if let interpolation {
      let known = Preprocessing.Interpolation.allCases.map(\.rawValue)
      try require(
        known.contains(interpolation), "interpolation", "one of " + known.joined(separator: ", "))
    }
    if let labels {
      try require(Set(labels).count == labels.count, "labels", "a list of different names")
      try require(
        labels.allSatisfy { !$0.isEmpty && $0.utf8.count <= 256 }, "labels",
        "a list of names of 1 to 256 bytes")
    }
  }

  /// These settings, with what they leave out taken from others.
  func filled(from other: ModelSettings) -> ModelSettings {
    var result = self
    result.name = name ?? other.name
    result.version = version ?? other.version
    result.profile = profile ?? other.profile
    result.labels = labels ?? other.labels
    result.anchorBaseSize = anchorBaseSize ?? other.anchorBaseSize
    result.anchorScales = anchorScales ?? other.anchorScales
    result.anchorRatios = anchorRatios ?? other.anchorRatios
    result.featureStride = featureStride ?? other.featureStride
    result.minSize = minSize ?? other.minSize
    result.maxSize = maxSize ?? other.maxSize
    result.interpolation = interpolation ?? other.interpolation
    result.mean = mean ?? other.mean
    result.std = std ?? other.std
    result.scoreThreshold = scoreThreshold ?? other.scoreThreshold
    result.nmsThreshold = nmsThreshold ?? other.nmsThreshold
    result.int8InputRanges = int8InputRanges ?? other.int8InputRanges
    result.description = description ?? other.description
    return result
  }
}
