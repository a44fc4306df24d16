internal import FasterRCNN
internal import JSON

extension RequestParameters {
  /// Reads parameters.
  ///
  /// Names that are not known, names given twice (an alias counts as its parameter) and values out
  /// of range are refused, each by name: a misspelt threshold that is silently left out gives
  /// answers that look right.
  ///
  /// - Parameters:
  ///   - pairs: names and values, those of the query before those of the form.
  ///   - route: where they were sent to.
  ///   - model: whose classes `classes` may name.
  /// - Throws: a `Problem` that names the parameter.
  init(
    _ pairs: [NamedValue], at route: Route = .detect, model: ModelDescription
  ) throws(Problem) {
    self.init()
    if route == .proposals {
      sections.remove(.detections)
      detection.findsObjects = false
    }
    let allowed = Parameter.all(of: route)
    var seen: [Parameter: String] = [:]
    for pair in pairs {
      guard let parameter = Parameter.byName[pair.name], allowed.contains(parameter) else {
        throw Problem(
          .unknownParameter,
          "There is no parameter '\(pair.name.excerpt)'. The parameters are "
            + allowed.map(\.rawValue).joined(separator: ", ") + ".",
          parameter: pair.name.excerpt)
      }
      if let earlier = seen.updateValue(pair.name, forKey: parameter) {
        let names = earlier == pair.name ? "" : " (as '\(earlier)' and as '\(pair.name)')"
        throw Problem(
          .duplicateParameter, "The parameter '\(parameter.rawValue)' is given twice\(names).",
          parameter: parameter.rawValue)
      }
      let value = ParameterValue(parameter, at: route, name: pair.name, text: pair.value)
      try set(parameter, to: value, model)
    }
  }

  /// Takes the parts of the answer that are listed.
  ///
  /// The picture's size stays, because boxes mean little without it, unless it is taken out by name; where
  /// nothing but that is listed the other parts are the usual ones.
  private mutating func include(_ words: [String]) {
    let listed = Set(words.compactMap(ResponseSection.init(rawValue:)))
    if !listed.isEmpty { sections = listed.union([.image]) }
    if words.contains(ResponseSection.noImage) { sections.remove(.image) }
  }

  private mutating func set(
    _ parameter: Parameter, to value: ParameterValue, _ model: ModelDescription
  ) throws(Problem) {
    switch parameter {
    case .scoreThreshold: detection.scoreThreshold = try value.number()
    case .nmsThreshold: detection.nmsThreshold = try value.number()
    case .maximumDetections: detection.maximumDetections = try value.integer()
    case .classes: detection.classes = try value.classes(of: model)
    case .include: include(try value.words())
    case .maximumProposals: maximumProposals = try value.integer()
    case .boxFormat: boxFormat = try value.choice()
    case .isNormalized: isNormalized = try value.words() == ["true"]
    case .orientation: orientation = try value.choice()
    case .truncation: truncation = try value.choice()
    case .page: page = try value.integer()
    case .timeout: timeout = .milliseconds(try value.integer())
    case .isClassAgnostic: detection.isClassAgnostic = try value.words() == ["true"]
    case .proposalCountBeforeNMS: detection.proposalCountBeforeNMS = try value.integer()
    case .proposalCountAfterNMS: detection.proposalCountAfterNMS = try value.integer()
    case .proposalNMSThreshold: detection.proposalNMSThreshold = try value.number()
    case .proposalMinimumSide: detection.proposalMinimumSide = try value.number()
    case .format: format = try value.choice() as AnswerFormat.Word
    case .imageID: imageID = try value.integer()
    case .imageSize: imageSize = try value.size()
    case .scale: scale = try value.numbers()
    case .originalSize: originalSize = try value.size()
    case .box: box = try value.numbers()
    case .point: point = try value.numbers()
    case .nearestCount: nearestCount = try value.integer()
    case .model: try value.requireName(of: model)
    }
  }
}
