internal import Checkpoints
internal import Detection
internal import FasterRCNN
internal import Tensors

/// Writes what was found as tensors in a safetensors file.
///
/// They are `boxes` (D, 4), `scores` (D), `labels` (D), `proposals` (P, 4), `objectness` (P),
/// `proposal_indices` (D), and `features` (C, H, W), or `features.0`, `features.1`, ... of a feature
/// pyramid, where they were asked for.
///
/// The metadata have the rest as text, `image_size`, `scale` and `original_size` among it, so that the
/// file can be posted back as it is.
struct TensorDocument {
  var id: String
  var model: ModelDescription
  var finding: Finding
  var parameters: RequestParameters

  /// The file.
  func bytes() throws -> [UInt8] {
    let result = finding.result
    let boxWriter = BoxWriter(parameters, imageSize: result.imageSize)
    var state = StateDictionary(metadata: metadata)
    func add<Element: BitwiseCopyable>(
      _ name: String, _ type: ElementType, _ shape: Shape, _ values: [Element]
    ) {
      let bytes = unsafe values.withUnsafeBytes { unsafe [UInt8]($0) }
      state[name] = StoredTensor(
        elementType: type, shape: shape, storage: ByteStorage(copying: bytes), byteOffset: 0)
    }
    func boxes(_ boxes: [BoundingBox]) -> [Float] {
      boxes.flatMap { box -> [Float] in
        let numbers = boxWriter.numbers(of: box)
        return [numbers.0, numbers.1, numbers.2, numbers.3]
      }
    }
    if parameters.sections.contains(.detections) {
      let objects = result.objects
      add("boxes", .float32, [objects.count, 4], boxes(objects.map(\.box)))
      add("scores", .float32, [objects.count], objects.map(\.score))
      add("labels", .int64, [objects.count], objects.map { Int64($0.classID) })
      add("proposal_indices", .int64, [objects.count], objects.map { Int64($0.proposalIndex) })
    }
    if parameters.sections.contains(.proposals) {
      let proposals = result.proposals.prefix(parameters.maximumProposals)
      add("proposals", .float32, [proposals.count, 4], boxes(proposals.map(\.box)))
      add("objectness", .float32, [proposals.count], proposals.map(\.objectness))
    }
    if let features = result.features {
      for (level, tensor) in features.levels.enumerated() {
        let name =
          features.levels.count == 1
          ? FeatureFile.tensorName : FeatureFile.tensorName(ofLevel: level)
        add(name, .float32, tensor.shape, tensor.values)
      }
    }
    return try SafetensorsWriter(state).bytes()
  }

  private var metadata: [String: String] {
    var metadata = [
      "id": id, "model": model.name, "version": model.version, "sha256": model.sha256,
      "labels": model.labels.joined(separator: ","), "box_format": parameters.boxFormat.rawValue,
      "normalized": String(parameters.isNormalized),
    ]
    if let features = finding.result.features {
      let (size, original) = (features.imageSize, features.originalSize)
      metadata[Parameter.imageSize.rawValue] = "\(size.height),\(size.width)"
      metadata[Parameter.scale.rawValue] = "\(features.yScale),\(features.xScale)"
      metadata[Parameter.originalSize.rawValue] = "\(original.height),\(original.width)"
    }
    return metadata
  }
}
