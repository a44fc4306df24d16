internal import Detection
internal import FasterRCNN
internal import JSON
internal import Observability
internal import Tensors

extension JSONWriter {
  /// Writes the member `model`.
  mutating func model(_ model: ModelDescription) {
    key("model")
    beginObject()
    member("name", model.name)
    member("version", model.version)
    member("sha256", model.sha256)
    member("profile", model.profile)
    if let assumption = model.assumption {
      member("assumed", assumption)
    }
    endObject()
  }

  /// Writes the member `timings_ms`.
  mutating func timings(_ timings: StageTimings) {
    key("timings_ms")
    beginObject()
    for stage in timings.stages {
      key(stage.name)
      milliseconds(stage.duration)
    }
    endObject()
  }

  /// Writes the member `parameters`: what was in force, the model's own settings included.
  mutating func effective(
    _ parameters: RequestParameters, model: ModelDescription, proposals: ProposalSettings?
  ) {
    let chosen = parameters.detection
    key("parameters")
    beginObject()
    if chosen.findsObjects {
      member("score_threshold", chosen.scoreThreshold ?? model.scoreThreshold)
      member("nms_threshold", chosen.nmsThreshold ?? model.nmsThreshold)
      member("max_detections", chosen.maximumDetections ?? model.maximumDetections)
      member("classes", chosen.classes?.sorted())
      member("class_agnostic_nms", chosen.isClassAgnostic ?? false)
    }
    member("max_proposals", parameters.maximumProposals)
    member("orientation", parameters.orientation.rawValue)
    if let proposals {
      member("rpn_pre_nms_top_n", proposals.counts.beforeNMS)
      member("rpn_post_nms_top_n", proposals.counts.afterNMS)
      member("rpn_nms_threshold", proposals.nms.iouThreshold)
      key("rpn_min_size")
      if let side = proposals.minimumSide { number(side.length) } else { null() }
    }
    endObject()
  }

  /// Writes the members that tell what an object is and where it comes from.
  mutating func verdict(score: Float, classID: Int, labels: [String], proposalIndex: Int) {
    member("score", score)
    member("class_id", classID)
    member("label", labels.name(ofClass: classID))
    member("proposal_index", proposalIndex)
  }

  /// Writes features as the members that they can be posted back as: an object for one map, a list of
  /// such objects for the levels of a pyramid.
  mutating func features(_ features: FeatureMap) {
    key("features")
    if let tensor = features.levels.first, features.levels.count == 1 {
      featureMap(tensor)
    } else {
      beginObject()
      key("levels")
      beginArray()
      for tensor in features.levels { featureMap(tensor) }
      endArray()
      endObject()
    }
    member(Parameter.imageSize.rawValue, [features.imageSize.height, features.imageSize.width])
    key(Parameter.scale.rawValue)
    if features.yScale == features.xScale {
      number(features.xScale)
    } else {
      beginArray()
      number(features.yScale)
      number(features.xScale)
      endArray()
    }
    member(
      Parameter.originalSize.rawValue, [features.originalSize.height, features.originalSize.width])
  }
}

extension JSONWriter {
  private mutating func featureMap(_ tensor: Tensor) {
    beginObject()
    member("shape", tensor.shape.dimensions)
    member("datatype", "FP32")
    key("data")
    beginArray()
    for value in tensor.values { number(value) }
    endArray()
    endObject()
  }
}

extension [String] {
  /// The name of a class, or its number where it has none.
  func name(ofClass classID: Int) -> String {
    indices.contains(classID) ? self[classID] : String(classID)
  }
}
