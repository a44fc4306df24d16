internal import CEmbeddedModel
internal import Checkpoints
internal import Detection
internal import Families
internal import Networks
internal import Tensors

/// A checkpoint that was opened as a model: the model, and what it was made of.
///
/// It holds the file's mapping; a `Model` alone lets go of it as its layers are read.
struct ModelContents {
  let model: Model

  /// The file understood, with its tensors.
  let blueprint: Blueprint

  /// What the file held, under its own names.
  let checkpoint: Checkpoint

  /// The size of the file, or of all files of a checkpoint in several.
  let byteCount: Int

  /// The model that is a part of the program.
  static func embedded(
    options: Model.Options = Model.Options()
  ) throws(ModelError) -> ModelContents {
    // Safety: both are constants of the program, which are never freed and never written, and as
    // long as the functions say.
    var count = 0
    let start = unsafe frcnn_embedded_weights(&count)
    let weights = unsafe ByteStorage(
      adopting: UnsafeRawBufferPointer(start: start, count: count), release: { _ in })
    let text = unsafe frcnn_embedded_settings(&count)
    let settings = unsafe Array(UnsafeRawBufferPointer(start: text, count: count))
    let checkpoint: Checkpoint
    do {
      checkpoint = try Checkpoint(contentsOf: weights)
    } catch {
      throw .checkpoint(error)
    }
    return try ModelContents(
      checkpoint, neighbours: nil, beside: (settings, "the embedded model"),
      options: options)
  }

  /// Opens a checkpoint with the settings beside it, as `Model.open` describes.
  static func open(_ path: String, options: Model.Options) throws(ModelError) -> ModelContents {
    let checkpoint: Checkpoint
    let neighbours: ModelNeighbours
    do {
      checkpoint = try Checkpoint.open(path)
      neighbours = ModelNeighbours(of: try CheckpointFolder.checkpoint(at: path))
    } catch {
      throw .checkpoint(error)
    }
    return try ModelContents(
      checkpoint, neighbours: neighbours, beside: neighbours.settings(), options: options)
  }

  init(
    _ checkpoint: Checkpoint, neighbours: ModelNeighbours?,
    beside settings: (json: [UInt8], source: String)?, options: Model.Options
  ) throws(ModelError) {
    self.checkpoint = checkpoint
    byteCount = checkpoint.files.reduce(0) { $0 + $1.count }
    blueprint = try Self.blueprint(
      checkpoint, neighbours: neighbours, beside: settings, options: options)

    var networks: DetectorNetworks
    do {
      networks = try DetectorNetworks(blueprint.state, blueprint.architecture)
    } catch {
      throw .architecture(error.renamed(blueprint.originalName))
    }
    try blueprint.check(against: networks)
    let card = blueprint.card
    if let stated = card.int8InputRanges {
      let known = Set(networks.lowPrecisionLayers)
      let ranges = FormerLayerName.canonical(stated)
      if let stranger = ranges.keys.sorted().first(where: { !known.contains($0) }) {
        throw .mismatch(
          "int8_input_ranges names the layer \(stranger), which the model does not have or which is "
            + "not computed in int8; calibrate the model anew")
      }
      networks = networks.calibrated(ranges)
    }
    let classCount = networks.classCount - 1
    let labels = blueprint.labels(count: classCount)
    guard labels.count == classCount else {
      let tensor = blueprint.originalName("head.class.weight")
      throw .mismatch(
        "there are \(labels.count) labels, but \(tensor) has \(classCount) classes "
          + "besides background; give one label for each class")
    }
    // Everything fits: only now is it worth reading the whole file. The embedded model is a constant of
    // the program, whose values a start need not wait for.
    if neighbours != nil { try blueprint.checkValues() }
    let detection = blueprint.detection
    let description = ModelDescription(
      name: card.text(.name) ?? neighbours?.name ?? "embedded",
      version: card.text(.version) ?? "1", digest: FileDigest(of: checkpoint.files),
      profile: blueprint.family.name, labels: labels,
      scoreThreshold: detection.classes.scoreThreshold,
      nmsThreshold: detection.classes.nms.iouThreshold,
      maximumDetections: detection.classes.maximumDetections,
      proposalCount: detection.proposals.counts.afterNMS,
      featureLevelCount: networks.levels.count,
      parameterCount: blueprint.state.parameterCount,
      assumption: blueprint.assumptions.isEmpty
        ? nil : blueprint.assumptions.joined(separator: "; "))
    model = Model(
      description: description, about: card.text(.description),
      remarks: blueprint.remarks(checkpoint, unused: networks.unusedTensors), networks: networks,
      blueprint: blueprint)
  }

  private static func blueprint(
    _ checkpoint: Checkpoint, neighbours: ModelNeighbours?,
    beside settings: (json: [UInt8], source: String)?, options: Model.Options
  ) throws(ModelError) -> Blueprint {
    let evidence = Evidence(checkpoint, fileName: neighbours?.fileName) {
      (name) throws(CardError) in try neighbours?.contents(of: name)
    }
    do {
      var sources: [Blueprint.Source] = []
      if let settings {
        sources.append(try Blueprint.Source(json: settings.json, name: settings.source))
      }
      if let text = checkpoint.stateDictionary.metadata[Model.settingsMetadataKey] {
        sources.append(
          try Blueprint.Source(json: Array(text.utf8), name: "the checkpoint's metadata"))
      }
      return try Blueprint(evidence, options: try options.card(), sources: sources)
    } catch {
      throw .family(error)
    }
  }
}

extension Model.Options {
  /// What the caller chooses, as a card.
  fileprivate func card() throws(FamilyError) -> ModelCard {
    var card = ModelCard()
    do {
      if let profile { try card.state(.profile, .text(profile)) }
      if let labels { try card.state(.labels, .list(labels.map { .text($0) })) }
      if let normalisationEpsilon {
        try card.state(.normalisationEpsilon, .number(normalisationEpsilon))
      }
    } catch {
      throw .settings(source: "the options", reason: error.reason)
    }
    return card
  }
}
