/// A parameter of `POST /detect`, in the query or as a text field of a form; the raw value is its
/// name.
///
/// This table is the one that requests are held against, and `openapi.yaml` is held against it.
enum Parameter: String, CaseIterable {
  case scoreThreshold = "score_threshold"
  case nmsThreshold = "nms_threshold"
  case maximumDetections = "max_detections"
  case classes
  case include
  case maximumProposals = "max_proposals"
  case boxFormat = "box_format"
  case isNormalized = "normalized"
  case orientation
  case timeout = "timeout_ms"

  /// What may stand for a value.
  enum Values: Equatable {
    case number(ClosedRange<Float>)
    case integer(ClosedRange<Int>)
    case oneOf([String])
    case listOf([String])
    /// A list of class numbers and labels, which the model knows.
    case classes
  }

  /// Other names of the same parameter, as the clients of other servers know it: Roboflow's
  /// `confidence`, `iou_threshold` and `class_filter`, Ultralytics' `iou`, DeepStack's
  /// `min_confidence`, and Roboflow's older `overlap`.
  var aliases: [String] {
    switch self {
    case .scoreThreshold: ["confidence", "min_confidence"]
    case .nmsThreshold: ["iou", "iou_threshold", "overlap"]
    case .classes: ["class_filter"]
    case .maximumDetections, .include, .maximumProposals, .boxFormat, .isNormalized, .orientation,
      .timeout:
      []
    }
  }

  /// What may stand for its value.
  var values: Values {
    switch self {
    case .scoreThreshold, .nmsThreshold: .number(0...1)
    case .maximumDetections: .integer(0...100_000)
    case .classes: .classes
    case .include: .listOf(ResponseSection.allCases.map(\.rawValue))
    case .maximumProposals: .integer(0...RequestParameters.proposalLimit)
    case .boxFormat: .oneOf(BoxFormat.allCases.map(\.rawValue))
    case .isNormalized: .oneOf(["true", "false"])
    case .orientation: .oneOf(OrientationPolicy.allCases.map(\.rawValue))
    case .timeout: .integer(1...RequestTimeout.maximumMilliseconds)
    }
  }

  /// The value that applies where none is given; `nil` where that is the model's own or "all".
  var defaultText: String? {
    let defaults = RequestParameters()
    return switch self {
    case .scoreThreshold, .nmsThreshold, .maximumDetections, .classes, .timeout: nil
    case .include:
      ResponseSection.allCases.filter(defaults.sections.contains).map(\.rawValue)
        .joined(separator: ",")
    case .maximumProposals: String(defaults.maximumProposals)
    case .boxFormat: defaults.boxFormat.rawValue
    case .isNormalized: String(defaults.isNormalized)
    case .orientation: defaults.orientation.rawValue
    }
  }

  /// The parameters by name and alias.
  static let byName: [String: Parameter] = {
    var table: [String: Parameter] = [:]
    for parameter in allCases {
      for name in [parameter.rawValue] + parameter.aliases { table[name] = parameter }
    }
    return table
  }()
}
