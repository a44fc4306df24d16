internal import Compute
internal import Detection
internal import Families
internal import Networks
internal import Tensors

/// One compute thread's part of a training: the networks, their parameters and the plans for sizes.
///
/// The picture's network is divided at the lowest layer that learns: what is below is computed as for
/// inference. Both parts take turns in one arena; what crosses between them has memory of its own.
final class TrainingEngine {
  let blueprint: Blueprint
  let networks: DetectorNetworks
  let settings: TrainingSettings
  let store: ParameterStore
  let descent: GradientDescent
  let average: ExponentialAverage?
  let thread: ComputeThread
  /// What happens between the networks, with this training's targets.
  let profile: DetectionProfile

  /// What no step changes, under canonical names, and the names of all tensors in the order of the file.
  let untrained: StateDictionary
  let names: [String]

  var iteration = 0

  let picture: PictureTraining
  let head: HeadTraining
  private var anchors: AnchorTable?

  init(
    _ model: TrainableModel, settings: TrainingSettings, thread: ComputeThread
  ) throws(TrainingError) {
    self.settings = settings
    self.thread = thread
    let blueprint = model.blueprint
    var profile = blueprint.detection
    profile.training = settings.targets ?? profile.training
    self.profile = profile
    let frozen = settings.frozenLayers
    for layer in frozen {
      guard blueprint.state.names.contains(where: { $0 == layer || $0.hasPrefix(layer + ".") })
      else {
        throw .unusable(
          "no layer is called \"\(layer)\", which is to stay as it is; their names are as "
            + "\"\(blueprint.state.names.first ?? "")\"")
      }
    }
    let isTrained = { @Sendable (name: String) in
      !frozen.contains { name == $0 || name.hasPrefix($0 + ".") }
    }
    let learnsNormalisation = settings.trainsNormalisation
    do {
      networks = try DetectorNetworks(
        blueprint.state, blueprint.architecture,
        learnsNormalisation: { learnsNormalisation && isTrained($0) }, dividesHead: false)
    } catch {
      throw .architecture(error)
    }
    try Self.check(blueprint, networks, labels: model.labels)
    do {
      store = try ParameterStore(
        [networks.picture, networks.head], takesOver: true, where: isTrained)
      guard !store.parameters.isEmpty else {
        throw TrainingError.unusable("all layers are frozen: nothing is left to learn")
      }
      descent = try GradientDescent(store)
      average = settings.averageDecay == nil ? nil : try ExponentialAverage(store)
    } catch let error as TrainingError {
      throw error
    } catch let error as ComputeError {
      throw .compute(error)
    } catch {
      throw .unusable("\(error)")
    }
    let learnt = Set((store.parameters + store.statistics).map(\.name))
    var untrained = StateDictionary()
    for name in blueprint.state.names where !learnt.contains(name) {
      untrained[name] = blueprint.state[name]
    }
    self.untrained = untrained
    names = blueprint.state.names
    self.blueprint = blueprint.withoutTensors
    var how = TrainingPlan.Options()
    how.addsGradients = false
    how.keepsLayouts = true
    how.convolution = settings.usesDirectConvolutions ? .direct : .fastest
    picture = PictureTraining(networks, store: store, options: how, where: isTrained)
    head = HeadTraining(networks, store: store, options: how)
  }

  private static func check(
    _ blueprint: Blueprint, _ networks: DetectorNetworks, labels: [String]
  ) throws(TrainingError) {
    guard networks.classCount == labels.count + 1 else {
      throw .unusable(
        "there are \(labels.count) labels, and the network has \(networks.classCount - 1) classes "
          + "besides background")
    }
    let levels = blueprint.detection.levels
    guard levels.count == networks.levels.count,
      levels.allSatisfy({ $0.anchors.anchorsPerCell == networks.anchorsPerCell })
    else {
      throw .unusable(
        "the settings have anchors for \(levels.count) levels, "
          + "\(levels.first?.anchors.anchorsPerCell ?? 0) in a cell, and the network has "
          + "\(networks.levels.count) levels with \(networks.anchorsPerCell)")
    }
    guard blueprint.detection.roi.size == networks.pooledSize else {
      throw .unusable(
        "the head reads RoIs of \(networks.pooledSize) cells a side, and the settings pool "
          + "\(blueprint.detection.roi.size)")
    }
  }
}

// MARK: Anchors

/// The anchors of all levels at one size of the input.
struct AnchorTable {
  let sizes: [[Int]]
  let grids: [AnchorGrid]
  let anchors: [BoundingBox]
}

extension TrainingEngine {
  /// The anchors for the maps of the last forward pass, which are kept for batches of the same size.
  func anchorTable(_ batch: TrainingBatch) -> AnchorTable {
    let maps = networks.levels.indices.map { picture.outputLayout($0).shape }
    let sizes = maps.map { [$0[2], $0[3], batch.height, batch.width] }
    if let anchors, anchors.sizes == sizes { return anchors }
    let grids = zip(profile.levels, maps).map { level, map in
      level.grid(
        height: map[2], width: map[3], inputHeight: batch.height, inputWidth: batch.width)
    }
    let table = AnchorTable(sizes: sizes, grids: grids, anchors: grids.flatMap(\.anchors))
    anchors = table
    return table
  }
}
