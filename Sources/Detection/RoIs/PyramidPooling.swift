public import Tensors

/// Pools RoIs from the feature maps of pictures of one size: each RoI from the map that its size asks
/// for, into a row of its own.
public struct PyramidPooling: Sendable {
  /// What pools from each map, from the finest.
  public let poolings: [RoIPooling]

  private let mapper: LevelMapper
  /// The RoIs in the order of their maps, and where the first of each map stands.
  private var order: [Int] = []
  private var starts: [Int] = []
  /// Which map each of the RoIs is pooled from, as the last `assign` found.
  package private(set) var levels: [Int] = []
  /// For each RoI its map, its picture, its upper edge, and its index.
  private var keys: [(Int, Int, Float, Int)] = []

  /// Makes ready for maps of some sizes.
  ///
  /// - Parameters:
  ///   - settings: The family's rules.
  ///   - maps: The rows, columns and nominal stride of each map, from the finest.
  ///   - frame: The picture, in whose resized pixels the RoIs are told.
  ///   - step: Of each axis every how many-th bin is computed.
  public init(
    _ settings: RoISettings, maps: [(height: Int, width: Int, stride: Int)], frame: ImageFrame,
    step: Int = 1
  ) {
    let scales = maps.map {
      settings.scale.spatialScale(
        height: $0.height, width: $0.width, stride: $0.stride, frame: frame)
    }
    poolings = scales.map {
      RoIPooling(
        settings.operator, outputSize: settings.size, step: step, spatialScale: $0,
        cornerRounding: settings.cornerRounding)
    }
    mapper = LevelMapper(settings.levels, scales: scales.map(\.yMultiplier))
  }

  /// Assigns RoIs to maps, and orders those of a map and picture from the top: neighbours read the same
  /// cells, which are then still in the cache.
  ///
  /// - Parameters:
  ///   - rois: The RoIs.
  ///   - imageIndices: For each RoI, which picture it lies in.
  public mutating func assign(_ rois: Span<BoundingBox>, imageIndices: Span<Int>) {
    levels.removeAll(keepingCapacity: true)
    starts.removeAll(keepingCapacity: true)
    starts.append(contentsOf: repeatElement(0, count: poolings.count + 1))
    for roi in rois.indices {
      let level = mapper.level(of: rois[roi])
      levels.append(level)
      starts[level + 1] += 1
    }
    for level in poolings.indices { starts[level + 1] += starts[level] }
    keys.removeAll(keepingCapacity: true)
    for roi in rois.indices {
      // A NaN has no place in an order.
      let top = rois[roi].yMin.isFinite ? rois[roi].yMin : 0
      keys.append((levels[roi], imageIndices[roi], top, roi))
    }
    keys.sort { $0 < $1 }
    order.removeAll(keepingCapacity: true)
    order.append(contentsOf: keys.lazy.map(\.3))
  }

  /// Pools a part of the assigned RoIs, map by map.
  ///
  /// Threads share the work by ranges that do not overlap.
  ///
  /// - Parameters:
  ///   - maps: The maps and their layouts, as many as were told.
  ///   - rois: The RoIs that were assigned.
  ///   - imageIndices: For each RoI, which picture it lies in.
  ///   - range: Which of them, counted in the order of their maps.
  ///   - output: Room for all RoIs, `[R, C, P, P]` in blocks of `outputChannelBlock`.
  ///   - outputChannelBlock: How many channels lie side by side in the output.
  ///   - finish: What is added to the sums of an operator that is linear.
  public func pool(
    _ maps: [FeatureMapView], rois: Span<BoundingBox>, imageIndices: Span<Int>, range: Range<Int>,
    into output: UnsafeMutableBufferPointer<Float>, outputChannelBlock: Int,
    finish: PooledFinish? = nil
  ) {
    precondition(
      maps.count == poolings.count && rois.count == order.count,
      "\(maps.count) maps and \(rois.count) RoIs are not the \(poolings.count) and \(order.count) "
        + "that were told")
    let chosen = order.span
    for (level, pooling) in poolings.enumerated() {
      let part = range.clamped(to: starts[level]..<starts[level + 1])
      guard !part.isEmpty else { continue }
      let map = maps[level]
      // Safety: whoever made the view holds the map, and `pool` checks both buffers' sizes.
      unsafe pooling.pool(
        map.values, layout: map.layout, rois: rois, imageIndices: imageIndices,
        chosen: chosen.extracting(part), into: output, outputChannelBlock: outputChannelBlock,
        finish: finish)
    }
  }
}

/// A batch of feature maps in memory that somebody else holds for as long as the view is used.
@safe
public struct FeatureMapView {
  /// The elements; as many as `layout` has.
  public let values: UnsafeBufferPointer<Float>

  /// The extents of the maps and the order of their elements.
  public let layout: ChannelLayout

  /// Makes a view; the memory has to outlive it.
  public init(_ values: UnsafeBufferPointer<Float>, layout: ChannelLayout) {
    unsafe self.values = values
    self.layout = layout
  }
}
