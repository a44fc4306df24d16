internal import Tensors

/// How each layer of a network is computed: in which precision, by which algorithm, and what is computed
/// along with it.
///
/// Decided once for the whole network, so that a part of the memory for Winograd's weights that becomes
/// free meanwhile changes nothing within a plan.
struct KernelChoice {
  /// What the CPU can do.
  struct Processor {
    /// How many channels lie side by side for Winograd's kernels; `nil` where it has none.
    var winogradLanes: Int?
    /// Whether it multiplies bfloat16.
    var hasBFloat16: Bool
    /// Whether it multiplies tiles of bfloat16.
    var hasMatrixTiles: Bool

    /// This one.
    static var current: Processor {
      Processor(
        winogradLanes: Engine.winogradLanes, hasBFloat16: Engine.hasBFloat16,
        hasMatrixTiles: Engine.hasMatrixTiles)
    }
  }

  /// For each layer, in what it multiplies.
  private(set) var precisions: [LayerPrecision] = []

  /// The layers that Winograd's algorithm computes.
  private(set) var winogradLayers: Set<Int> = []

  /// Those of them that multiply in bfloat16, with the precision that was asked for.
  ///
  /// They read maps of any kind and write what is wanted.
  private var bfloat16WinogradLayers: [Int: LayerPrecision] = [:]

  /// For each value, how it is kept where its producer can write it so: as all its readers want it, and as
  /// float32 where they differ, or where it is an input or output.
  private(set) var storages: [ValueStorage] = []

  /// For each layer, how it writes its result.
  private(set) var results: [ValueStorage] = []

  /// The pooling that a convolution computes along, by the convolution's layer.
  private var pooledAlong: [Int: Int] = [:]

  /// - Parameters:
  ///   - network: the layers.
  ///   - options: what is asked for.
  ///   - processor: what the CPU can do.
  ///   - grantsWeights: whether a layer may keep weights for Winograd's kernels, of so many bytes.
  init(
    _ network: Network, options: PlanOptions, processor: Processor = .current,
    grantsWeights: (LayerWeights, Int) -> Bool
  ) {
    let isSupported = options.isSupported
    var wanted = network.layers.indices.map { index -> LayerPrecision in
      guard isSupported, options.precision != .float32 else { return .float32 }
      if options.precision == .int8 {
        if let range = network.layers[index].inputRange { return .int8(inputRange: range) }
        // What has no range, as layers that read negative values, is no more precise than its
        // neighbours' bytes.
        guard processor.hasBFloat16 else { return .float32 }
      }
      let isStem = processor.hasBFloat16 && network.isStem(layer: index)
      return isStem || network.toleratesLowPrecision(layer: index) ? .bfloat16 : .float32
    }
    if options.convolution == .fastest, let lanes = processor.winogradLanes {
      for index in network.layers.indices {
        guard
          let convolution = Self.winogradCandidate(
            index, network, precisions: wanted, lanes: lanes, processor: processor),
          grantsWeights(
            convolution.convolutionWeights,
            WinogradKernel.weightByteCount(
              convolution.convolutionWeights,
              multipliesBFloat16: wanted[index] != .float32 && processor.hasBFloat16))
        else { continue }
        winogradLayers.insert(index)
        if wanted[index] != .float32, processor.hasBFloat16 {
          bfloat16WinogradLayers[index] = wanted[index]
        }
        wanted[index] = .float32
      }
    }
    precisions = wanted
    storages = [ValueStorage](
      repeating: .float32, count: network.inputChannels.count + network.layers.count)
    results = [ValueStorage](repeating: .float32, count: network.layers.count)
    let nonNegative = network.nonNegativeValues
    // From the last layer on, because what a reader passes on decides what it wants.
    for index in network.layers.indices.reversed() {
      let value = network.result(ofLayer: index)
      let wanted = storage(of: value, in: network)
      storages[value.index] = wanted
      if bfloat16WinogradLayers[index] != nil {
        results[index] = wanted
      } else if let convolution = network.layers[index].operation as? Convolution {
        let addsNegative = convolution.addend.map { !nonNegative[$0.index] } ?? false
        results[index] = convolution.resultStorage(
          precisions[index], wanted: wanted, addsNegative: addsNegative,
          hasBFloat16: processor.hasBFloat16)
      } else {
        results[index] = precisions[index].resultStorage(wanted: wanted)
      }
    }
    for index in winogradLayers { pooledAlong[index] = Self.pooling(behind: index, network) }
  }

  /// Whether a layer that Winograd's algorithm computes multiplies in bfloat16.
  func multipliesBFloat16(winogradLayer layer: Int) -> Bool {
    bfloat16WinogradLayers[layer] != nil
  }

  /// The pooling that a convolution computes along.
  func pooling(behind layer: Int) -> Int? { pooledAlong[layer] }

  /// A layer's convolution, if Winograd's algorithm may and should compute it, where precisions of earlier
  /// layers are decided.
  ///
  /// With products of bf16 it wins where there are channels enough, over direct products of bf16 and of bytes.
  /// Without them it reads and writes float32, and wins where the input comes so, or where each value is
  /// multiplied often enough to be worth converting. Tiles of bf16 multiply faster still.
  private static func winogradCandidate(
    _ index: Int, _ network: Network, precisions: [LayerPrecision], lanes: Int,
    processor: Processor
  ) -> Convolution? {
    guard let convolution = network.layers[index].operation as? Convolution,
      WinogradKernel.suits(convolution, lanes: lanes)
    else { return nil }
    switch precisions[index] {
    case .float32: return convolution
    case .int8:
      guard processor.hasBFloat16, !processor.hasMatrixTiles,
        convolution.convolutionWeights.shape[0] >= 64
      else { return nil }
      return convolution
    case .bfloat16:
      guard !processor.hasMatrixTiles,
        convolution.convolutionWeights.shape[0] >= (processor.hasBFloat16 ? 64 : 128)
          || isMadeAsFloat32(convolution.inputs[0], network, precisions)
      else { return nil }
      return convolution
    }
  }

  private static func isMadeAsFloat32(
    _ value: Network.Value, _ network: Network, _ precisions: [LayerPrecision]
  ) -> Bool {
    guard let maker = network.maker(of: value) else { return true }
    let operation = network.layers[maker].operation
    if operation is MaxPooling { return isMadeAsFloat32(operation.inputs[0], network, precisions) }
    return precisions[maker] == .float32
  }

  private func storage(of value: Network.Value, in network: Network) -> ValueStorage {
    guard !network.isOutput(value) else { return .float32 }
    var common: ValueStorage?
    // What those like best that take anything.
    var liked: ValueStorage?
    for index in network.readers(of: value) {
      let operation = network.layers[index].operation
      for (position, input) in operation.inputs.enumerated() where input == value {
        if let precision = bfloat16WinogradLayers[index] {
          if position == 0 { liked = liked ?? precision.inputStorage }
          continue
        }
        // A pooling passes on what it is given.
        let result =
          operation.weights == nil
          ? storages[network.result(ofLayer: index).index] : results[index]
        guard
          let wanted = operation.storage(
            ofInput: position, precision: precisions[index], result: result)
        else { continue }
        if let common, common != wanted { return .float32 }
        common = wanted
      }
    }
    return common ?? liked ?? .float32
  }

  /// The pooling that follows a convolution, where it takes the maxima of 2x2 and nothing else reads the
  /// convolution's result.
  private static func pooling(behind index: Int, _ network: Network) -> Int? {
    let value = network.result(ofLayer: index)
    guard index + 1 < network.layers.count,
      let pooling = network.layers[index + 1].operation as? MaxPooling,
      pooling.inputs[0] == value, pooling.window.isPairwise,
      network.isRead(value, onlyByLayer: index + 1),
      (network.layers[index].operation as? Convolution)?.addend == nil
    else { return nil }
    return index + 1
  }
}
