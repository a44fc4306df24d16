/// The tensors that go in and come out, by their names.
///
/// D are detections, P proposals, N pictures.
enum InferenceTensor: String, CaseIterable {
  /// In: BYTES [N], the files of N pictures, or UINT8 [H, W, 3], the pixels of one.
  case image
  /// In and out: FP32 [C, H, W].
  case features
  /// Out: FP32 [D, 4], in the form that `box_format` states.
  case boxes
  /// Out: FP32 [D].
  case scores
  /// Out: INT64 [D], classes from 0.
  case labels
  /// Out: FP32 [P, 4].
  case proposals
  /// Out: FP32 [P].
  case objectness
  /// Out: INT64 [D], which of its picture's proposals each detection was found in.
  case proposalIndices = "proposal_indices"
  /// Out: INT64 [N], how many of the detections are each picture's, in order.
  case detectionCounts = "detection_counts"
  /// Out: INT64 [N], how many of the proposals are each picture's.
  case proposalCounts = "proposal_counts"

  static let inputs: [InferenceTensor] = [.image, .features]

  /// All that may be asked for.
  static let outputs = allCases.filter { $0 != .image }

  /// What comes where nothing is asked for.
  static let usualOutputs: [InferenceTensor] = [.boxes, .scores, .labels, .proposals, .objectness]

  /// What a model calls the tensor: a pyramid's features are one for each level, from the finest.
  func names(levelCount: Int) -> [String] {
    guard self == .features, levelCount > 1 else { return [rawValue] }
    return (0..<levelCount).map(FeatureFile.tensorName(ofLevel:))
  }

  /// The tensor of a name, and which level where it is one of a pyramid's; `nil` for any other name.
  static func named(_ text: String) -> (tensor: InferenceTensor, level: Int?)? {
    if let tensor = InferenceTensor(rawValue: text) { return (tensor, nil) }
    let prefix = InferenceTensor.features.rawValue + "."
    guard text.hasPrefix(prefix), let level = Int(text.dropFirst(prefix.count)),
      (0..<FeatureBody.maximumLevels).contains(level), prefix + String(level) == text
    else { return nil }
    return (.features, level)
  }

  /// The element type by the protocol's name.
  var datatype: String {
    switch self {
    case .image: "BYTES"
    case .labels, .proposalIndices, .detectionCounts, .proposalCounts: "INT64"
    case .features, .boxes, .scores, .proposals, .objectness: "FP32"
    }
  }

  /// The extents; -1 where they vary.
  var shape: [Int] {
    switch self {
    case .features: [-1, -1, -1]
    case .boxes, .proposals: [-1, 4]
    default: [-1]
    }
  }
}
