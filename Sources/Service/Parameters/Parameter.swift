/// A parameter of a request, in the query, as a text field of a form or as a member of a JSON body; the
/// raw value is its name.
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
  case truncation = "truncated"
  case page
  case timeout = "timeout_ms"
  case isClassAgnostic = "class_agnostic_nms"
  case proposalCountBeforeNMS = "rpn_pre_nms_top_n"
  case proposalCountAfterNMS = "rpn_post_nms_top_n"
  case proposalNMSThreshold = "rpn_nms_threshold"
  case proposalMinimumSide = "rpn_min_size"
  case format
  case imageID = "image_id"
  case imageSize = "image_size"
  case scale
  case originalSize = "original_size"
  case box
  case point
  case nearestCount = "nearest"
  case model

  /// What may stand for a value.
  enum Values: Equatable {
    case number(ClosedRange<Float>)
    case integer(ClosedRange<Int>)
    case oneOf([String])
    case listOf([String])
    /// So many numbers, divided by commas, each in the range.
    case numbers(count: ClosedRange<Int>, ClosedRange<Float>)
    /// Two whole numbers, height and width, each in the range.
    case size(ClosedRange<Int>)
    /// A list of class numbers and labels, which the model knows.
    case classes
    /// The name of a model; its query alone may say it, because all else is read for that model.
    case modelName
  }

  /// Other names of the same parameter, as the clients of other servers know it: Roboflow's
  /// `confidence`, `iou_threshold` and `class_filter`, Ultralytics' `iou`, DeepStack's
  /// `min_confidence`, and Roboflow's older `overlap`.
  var aliases: [String] {
    switch self {
    case .scoreThreshold: ["confidence", "min_confidence"]
    case .nmsThreshold: ["iou", "iou_threshold", "overlap"]
    case .classes: ["class_filter"]
    default: []
    }
  }

  /// What may stand for its value.
  var values: Values {
    switch self {
    case .scoreThreshold, .nmsThreshold, .proposalNMSThreshold: .number(0...1)
    case .maximumDetections: .integer(0...100_000)
    case .classes: .classes
    case .include: .listOf(ResponseSection.allCases.map(\.rawValue) + [ResponseSection.noImage])
    case .maximumProposals: .integer(0...RequestParameters.proposalLimit)
    case .boxFormat: .oneOf(BoxFormat.allCases.map(\.rawValue))
    case .isNormalized, .isClassAgnostic: .oneOf(["true", "false"])
    // Every anchor of a large picture may take part, but the head runs for each proposal.
    case .proposalCountBeforeNMS: .integer(1...100_000)
    case .proposalCountAfterNMS: .integer(1...RequestParameters.proposalLimit)
    case .proposalMinimumSide: .number(0...10_000)
    case .format: .oneOf(AnswerFormat.Word.allCases.map(\.rawValue))
    case .imageID: .integer(0...2_000_000_000)
    case .imageSize, .originalSize: .size(1...1_000_000)
    case .scale: .numbers(count: 1...2, 0.0001...10_000)
    case .box: .numbers(count: 4...4, -1_000_000...1_000_000)
    case .point: .numbers(count: 2...2, -1_000_000...1_000_000)
    case .nearestCount: .integer(1...100)
    case .model: .modelName
    case .orientation: .oneOf(OrientationPolicy.allCases.map(\.rawValue))
    case .truncation: .oneOf(TruncationPolicy.allCases.map(\.rawValue))
    case .page: .integer(1...10_000)
    case .timeout: .integer(1...RequestTimeout.maximumMilliseconds)
    }
  }

  /// What may stand for its value at a route: at `/proposals` there are no detections to include, to draw
  /// or to write as rows.
  func values(at route: Route) -> Values {
    switch (self, route) {
    case (.include, .proposals):
      .listOf(
        ResponseSection.allCases.filter { $0 != .detections }.map(\.rawValue)
          + [ResponseSection.noImage])
    case (.format, .proposals):
      .oneOf([AnswerFormat.Word.json, .safetensors, .ndjson].map(\.rawValue))
    default: values
    }
  }

  /// The value that applies where none is given; `nil` where that is the model's own or "all".
  var defaultText: String? {
    let defaults = RequestParameters()
    return switch self {
    case .scoreThreshold, .nmsThreshold, .maximumDetections, .classes, .proposalCountBeforeNMS,
      .proposalCountAfterNMS, .proposalNMSThreshold, .proposalMinimumSide, .format, .imageSize,
      .scale, .originalSize, .box, .point, .timeout, .model:
      nil
    case .include:
      ResponseSection.allCases.filter(defaults.sections.contains).map(\.rawValue)
        .joined(separator: ",")
    case .maximumProposals: String(defaults.maximumProposals)
    case .boxFormat: defaults.boxFormat.rawValue
    case .isNormalized: String(defaults.isNormalized)
    case .orientation: defaults.orientation.rawValue
    case .truncation: defaults.truncation.rawValue
    case .page: String(defaults.page)
    case .isClassAgnostic: "false"
    case .imageID: String(defaults.imageID)
    case .nearestCount: String(defaults.nearestCount)
    }
  }

  /// The value that applies at a route where none is given.
  func defaultText(at route: Route) -> String? {
    guard self == .include, route == .proposals else { return defaultText }
    return defaultText?.split(separator: ",").filter { $0 != ResponseSection.detections.rawValue }
      .joined(separator: ",")
  }

  /// The parameters of a route, in the order in which they are listed.
  static func all(of route: Route) -> [Parameter] {
    let ofObjects: Set<Parameter> = [
      .scoreThreshold, .nmsThreshold, .maximumDetections, .classes, .isClassAgnostic,
    ]
    let ofExplanations: Set<Parameter> = [.box, .point, .nearestCount]
    return switch route {
    case .detect: allCases.filter { !ofExplanations.contains($0) }
    case .proposals:
      allCases.filter {
        !ofExplanations.contains($0) && !ofObjects.contains($0) && $0 != .imageID
      }
    case .explain:
      allCases.filter {
        ![.include, .maximumProposals, .format, .imageID].contains($0)
      }
    case .modelInference, .versionInference:
      allCases.filter {
        !ofExplanations.contains($0) && ![.include, .format, .imageID, .model].contains($0)
      }
    default: []
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
