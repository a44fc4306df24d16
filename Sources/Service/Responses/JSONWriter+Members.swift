internal import Detection
internal import FasterRCNN
internal import Observability
internal import Tensors

extension JSONWriter {
  /// Writes the member `model`.
  mutating func model(_ model: ModelDescription) {
    key("model")
    beginObject()
    key("name")
    string(model.name)
    key("version")
    string(model.version)
    key("sha256")
    string(model.sha256)
    key("profile")
    string(model.profile)
    if let assumption = model.assumption {
      key("assumed")
      string(assumption)
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
      key("score_threshold")
      number(chosen.scoreThreshold ?? model.scoreThreshold)
      key("nms_threshold")
      number(chosen.nmsThreshold ?? model.nmsThreshold)
      key("max_detections")
      if let count = chosen.maximumDetections ?? model.maximumDetections {
        integer(count)
      } else {
        null()
      }
      key("classes")
      if let classes = chosen.classes {
        integers(classes.sorted())
      } else {
        null()
      }
      key("class_agnostic_nms")
      boolean(chosen.isClassAgnostic ?? false)
    }
    key("max_proposals")
    integer(parameters.maximumProposals)
    key("orientation")
    string(parameters.orientation.rawValue)
    if let proposals {
      key("rpn_pre_nms_top_n")
      integer(proposals.counts.beforeNMS)
      key("rpn_post_nms_top_n")
      integer(proposals.counts.afterNMS)
      key("rpn_nms_threshold")
      number(proposals.nms.iouThreshold)
      key("rpn_min_size")
      if let side = proposals.minimumSide { number(side.length) } else { null() }
    }
    endObject()
  }

  /// Writes the members that tell what an object is and where it comes from.
  mutating func verdict(score: Float, classID: Int, labels: [String], proposalIndex: Int) {
    key("score")
    number(score)
    key("class_id")
    integer(classID)
    key("label")
    string(labels.name(ofClass: classID))
    key("proposal_index")
    integer(proposalIndex)
  }

  /// Writes a feature map as the members that it can be posted back as.
  mutating func features(_ features: FeatureMap) {
    key("features")
    beginObject()
    key("shape")
    integers(features.values.shape.dimensions)
    key("datatype")
    string("FP32")
    key("data")
    beginArray()
    for value in features.values.values { number(value) }
    endArray()
    endObject()
    key(Parameter.imageSize.rawValue)
    integers([features.imageSize.height, features.imageSize.width])
    key(Parameter.scale.rawValue)
    if features.yScale == features.xScale {
      number(features.xScale)
    } else {
      beginArray()
      number(features.yScale)
      number(features.xScale)
      endArray()
    }
    key(Parameter.originalSize.rawValue)
    integers([features.originalSize.height, features.originalSize.width])
  }

  /// Writes an array of integers.
  mutating func integers(_ values: [Int]) {
    beginArray()
    for value in values { integer(value) }
    endArray()
  }
}

extension [String] {
  /// The name of a class, or its number where it has none.
  func name(ofClass classID: Int) -> String {
    indices.contains(classID) ? self[classID] : String(classID)
  }
}
