import Detection
import Tensors
import Testing

/// RoI pooling against torchvision and note 002, by hand, and over every layout.
struct RoIPoolingTests {
  static let scale = SpatialScale(1 / 16)
  static let goldens: [(name: String, pooling: RoIPooling)] = [
    ("roi.pool_7", RoIPooling(.pool, outputSize: 7, spatialScale: scale)),
    (
      "roi.align_7_s2",
      RoIPooling(.align(samplingRatio: 2, aligned: false), outputSize: 7, spatialScale: scale)
    ),
    (
      "roi.align_7_s2_aligned",
      RoIPooling(.align(samplingRatio: 2, aligned: true), outputSize: 7, spatialScale: scale)
    ),
    (
      "roi.align_7_adaptive",
      RoIPooling(.align(samplingRatio: nil, aligned: false), outputSize: 7, spatialScale: scale)
    ),
    (
      "roi.adaptive_max_7",
      RoIPooling(.truncatingAdaptiveMax, outputSize: 7, spatialScale: scale)
    ),
  ]

  private let features: Tensor
  private let rois: [BoundingBox]

  init() throws {
    let goldens = try Goldens()
    let map = try goldens.tensor("roi.features")
    features = Tensor(shape: [1, map.shape[0], map.shape[1], map.shape[2]], values: map.values)
    rois = try goldens.boxes("roi.rois")
  }

  @Test(arguments: goldens.indices)
  func everyOperatorMeetsItsGolden(_ index: Int) throws {
    let (name, pooling) = Self.goldens[index]
    let pooled = pooling.pool(features, rois: rois, imageIndices: rois.map { _ in 0 })
    let golden = try Goldens().tensor(name)
    #expect(pooled.shape == golden.shape)
    if case .align = pooling.operator {
      // Sums of up to some hundred products in another order than torchvision's.
      #expect(largestDifference(pooled.values, golden.values) < 1e-5)
    } else {
      // A maximum is one of the values: there is nothing to round.
      #expect(pooled.values == golden.values)
    }
  }

  /// 20 channels are no multiple of 8 or 16, so that every block but 1 and 20 is padded; 80 are ten groups
  /// of 8 or five of 16, of which some are pooled four at a time and some alone.
  @Test(arguments: goldens.indices, [(20, [1, 3, 8, 16, 20]), (80, [8, 16, 80])])
  func everyLayoutGivesWhatThePlainOneGives(_ index: Int, _ kind: (Int, [Int])) {
    let (channelCount, blocks) = kind
    let pooling = Self.goldens[index].pooling
    let rois = Array(rois.prefix(12))
    let imageIndices = [0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1]
    let plain = twoImages(channelCount: channelCount)
    let expected = pooling.pool(plain, rois: rois, imageIndices: imageIndices)
    for block in blocks {
      let layout = ChannelLayout(
        imageCount: 2, channelCount: channelCount, height: 37, width: 50, channelBlock: block)
      let blocked = layout.rearranged(plain)
      for outputBlock in [1, 3, 8, 16, channelCount, 32] {
        let outputLayout = pooling.outputLayout(
          roiCount: rois.count, channelCount: channelCount, channelBlock: outputBlock)
        var output = [Float](repeating: .nan, count: outputLayout.elementCount)
        for range in [0..<5, 5..<12] {
          unsafe blocked.withUnsafeBufferPointer { blocked in
            unsafe output.withUnsafeMutableBufferPointer { output in
              unsafe pooling.pool(
                blocked, layout: layout, rois: rois.span, imageIndices: imageIndices.span,
                chosen: Array(range).span, into: output, outputChannelBlock: outputBlock)
            }
          }
        }
        // RoIAlign may fuse a multiplication and an addition in one kernel and not in another.
        #expect(
          largestDifference(output, outputLayout.rearranged(expected)) <= 1e-6,
          "\(block) to \(outputBlock)")
      }
    }
  }

  @Test(
    arguments: [RoIPooling.Operator.align(samplingRatio: nil, aligned: true), .alignAverage],
    [1, 16])
  func everySecondBinIsOneOfAllAndTakesABias(_ operator: RoIPooling.Operator, _ block: Int) {
    let rois = Array(rois.prefix(12))
    let indices = rois.indices.map { $0 % 2 }
    let map = twoImages(channelCount: 80)
    let layout = ChannelLayout(
      imageCount: 2, channelCount: 80, height: 37, width: 50, channelBlock: block)
    let blocked = layout.rearranged(map)
    func pool(_ step: Int, _ finish: PooledFinish?) -> [Float] {
      let pooling = RoIPooling(
        `operator`, outputSize: 7, step: step, spatialScale: Self.scale)
      var output = [Float](
        repeating: .nan, count: rois.count * 80 * pooling.binCount * pooling.binCount)
      unsafe blocked.withUnsafeBufferPointer { blocked in
        unsafe output.withUnsafeMutableBufferPointer { output in
          unsafe pooling.pool(
            blocked, layout: layout, rois: rois.span, imageIndices: indices.span,
            chosen: Array(rois.indices).span, into: output, finish: finish)
        }
      }
      return output
    }
    let all = pool(1, nil)
    let biases = (0..<80).map { Float($0) / 4 - 10 }
    for isRectified in [false, true] {
      let found = pool(2, PooledFinish(biases: biases, isRectified: isRectified))
      let wanted = (0..<rois.count * 80).flatMap { plane in
        (0..<16).map { bin in
          let value = all[plane * 49 + bin / 4 * 14 + bin % 4 * 2] + biases[plane % 80]
          return isRectified ? max(value, 0) : value
        }
      }
      #expect(largestDifference(found, wanted) <= 1e-6)
      #expect(isRectified == (found.min() == 0))
    }
  }

  @Test
  func twoImagesTogetherGiveWhatEachGivesAlone() {
    let rois = Array(rois.prefix(8))
    let both = twoImages(channelCount: 16)
    let half = both.values.count / 2
    for (_, pooling) in Self.goldens {
      let together = pooling.pool(
        both, rois: rois + rois, imageIndices: rois.map { _ in 0 } + rois.map { _ in 1 })
      let alone = [both.values[..<half], both.values[half...]].flatMap {
        pooling.pool(
          Tensor(shape: [1, 16, 37, 50], values: Array($0)), rois: rois,
          imageIndices: rois.map { _ in 0 }
        ).values
      }
      #expect(together.values == alone)
    }
  }

  @Test
  func aScaledCornerOfExactlyOneHalfIsRoundedAwayFromZero() {
    // x = 40 is cell 2.5 at a stride of 16, and becomes 3; half to even would make it 2.
    let row = Tensor(shape: [1, 1, 1, 6], values: [0, 1, 2, 3, 4, 5])
    let box = BoundingBox(yMin: 0, xMin: 40, yMax: 0, xMax: 40)
    let pooling = RoIPooling(.pool, outputSize: 1, spatialScale: Self.scale)
    #expect(pooling.pool(row, rois: [box], imageIndices: [0]).values == [3])
    // Chainer's `round` makes it 2 on a CPU; note 002 cuts it to 2.
    let even = RoIPooling(
      .pool, outputSize: 1, spatialScale: Self.scale, cornerRounding: .toNearestOrEven)
    #expect(even.pool(row, rois: [box], imageIndices: [0]).values == [2])
    let truncating = RoIPooling(.truncatingAdaptiveMax, outputSize: 1, spatialScale: Self.scale)
    #expect(truncating.pool(row, rois: [box], imageIndices: [0]).values == [2])
  }

  @Test
  func binsShareCellsAndTheLastCellBelongsToTheRegion() {
    // Three cells in two bins: [0, 1] and [1, 2].
    let map = Tensor(shape: [1, 1, 3, 3], values: [1, 2, 3, 4, 5, 6, 7, 8, 9])
    let box = BoundingBox(yMin: 0, xMin: 0, yMax: 2, xMax: 2)
    for `operator` in [RoIPooling.Operator.pool, .truncatingAdaptiveMax] {
      let pooling = RoIPooling(`operator`, outputSize: 2, spatialScale: SpatialScale(1))
      #expect(pooling.pool(map, rois: [box], imageIndices: [0]).values == [5, 6, 8, 9])
    }
  }

  @Test
  func roiPoolSplitsBeforeItClipsNote002ClipsBeforeItSplits() {
    let row = Tensor(shape: [1, 1, 1, 4], values: [1, 2, 3, 4])
    let box = BoundingBox(yMin: 0, xMin: 2, yMax: 0, xMax: 5)
    func pooled(_ operator: RoIPooling.Operator) -> [Float] {
      Array(
        RoIPooling(`operator`, outputSize: 2, spatialScale: SpatialScale(1))
          .pool(row, rois: [box], imageIndices: [0]).values.prefix(2))
    }
    #expect(pooled(.pool) == [4, 0])
    #expect(pooled(.truncatingAdaptiveMax) == [3, 4])
  }

  @Test
  func roiAlignAveragesBilinearSamples() {
    // One sample in the middle of a 2 x 2 box over a plane f = 10 y + x: at (1, 1) unaligned, at
    // (0.5, 0.5) aligned.
    let map = Tensor(shape: [1, 1, 3, 3], values: [0, 1, 2, 10, 11, 12, 20, 21, 22])
    let box = BoundingBox(yMin: 0, xMin: 0, yMax: 2, xMax: 2)
    for (aligned, value) in [(false, Float(11)), (true, 5.5)] {
      let pooling = RoIPooling(
        .align(samplingRatio: 1, aligned: aligned), outputSize: 1, spatialScale: SpatialScale(1))
      #expect(pooling.pool(map, rois: [box], imageIndices: [0]).values == [value])
    }
  }

  @Test
  func roiAlignAverageTakesTheMeanOfCornersAndExtrapolatesAtTheLastCell() {
    // Over the plane f = 10 y + x every interpolation and extrapolation is exact. A box from 1 to 7
    // spans 7 cells, so the corners are 1, 2 ... 8, and a bin's mean stands between two of them.
    let plane = Tensor(
      shape: [1, 1, 9, 9], values: (0..<81).map { cell in Float(cell / 9 * 10 + cell % 9) })
    let pooling = RoIPooling(.alignAverage, outputSize: 7, spatialScale: SpatialScale(1))
    func pooled(_ start: Float) -> [Float] {
      let box = BoundingBox(yMin: start, xMin: start, yMax: start + 6, xMax: start + 6)
      return pooling.pool(plane, rois: [box], imageIndices: [0]).values
    }
    let whole: [Float] = (0..<49).map { bin in
      let (y, x) = (Float(bin / 7) + 1.5, Float(bin % 7) + 1.5)
      return 10 * y + x
    }
    #expect(pooled(1) == whole)
    // The last corner, 8.5, is on the map but beyond the last cell's centre.
    #expect(pooled(1.5) == whole.map { $0 + 5.5 })
    // Half a cell further it is off the map, and the corners of the last row and column count as 0.
    let last = pooled(2)
    #expect(last[0] == 10 * 2.5 + 2.5)
    #expect(last[48] == 88 / 4)
  }

  @Test
  func aCropIsWhatPyTorchsGridSampleAndMaxPoolGive() throws {
    let goldens = try Goldens("cropped-rois")
    let values = try goldens.floats("rois")
    let rois = stride(from: 0, to: values.count, by: 4).map {
      BoundingBox(values[$0], values[$0 + 1], values[$0 + 2], values[$0 + 3], as: .xyxy)
    }
    func tensor(_ name: String) throws -> Tensor {
      Tensor(shape: Shape(try goldens.shape(name)), values: try goldens.floats(name))
    }
    let (features, images) = (try tensor("features"), rois.map { _ in 0 })
    let pooling = RoIPooling(.cropMaximum, outputSize: 7, spatialScale: SpatialScale(1 / 16))
    let pooled = pooling.pool(features, rois: rois, imageIndices: images)
    // Places are told from -1 to 1 there and in cells here: some 1e-6 of a cell, times steps of up to 5.
    #expect(largestDifference(pooled.values, try goldens.floats("pooled")) < 1e-4)
    let gradient = pooling.gradient(
      try tensor("upstream"), features: features, rois: rois, imageIndices: images)
    #expect(largestDifference(gradient.values, try goldens.floats("gradient")) < 1e-3)

    // The gradient that a training takes, in the caller's memory.
    var pyramid = PyramidPooling(
      RoISettings(operator: .cropMaximum), maps: [(9, 12, 16)],
      frame: ImageFrame(height: 144, width: 192, originalHeight: 144, originalWidth: 192))
    pyramid.assign(rois.span, imageIndices: images.span)
    var added = [Float](repeating: 0, count: features.values.count)
    let upstream = try goldens.floats("upstream")
    unsafe features.values.withUnsafeBufferPointer { values in
      unsafe upstream.withUnsafeBufferPointer { upstream in
        unsafe added.withUnsafeMutableBufferPointer { added in
          unsafe pyramid.addGradient(
            of: upstream, [FeatureMapView(values, layout: ChannelLayout(features.shape))],
            rois: rois, imageIndices: images, to: [added]
          ) { count, body in body(0..<count) }
        }
      }
    }
    #expect(largestDifference(added, try goldens.floats("gradient")) < 1e-3)
  }

  @Test
  func everyFamilyGivesItsOwnOperator() throws {
    let frame = ImageFrame(height: 600, width: 800, originalHeight: 300, originalWidth: 400)
    func pooling(_ name: String) throws -> RoIPooling {
      let settings = try #require(DetectionProfile.family(named: name)).roi
      return PyramidPooling(settings, maps: [(37, 50, 16)], frame: frame).poolings[0]
    }
    #expect(
      try pooling("simple-faster-rcnn")
        == RoIPooling(.pool, outputSize: 7, spatialScale: SpatialScale(1 / 16)))
    #expect(
      try pooling("bubbliiiing-resnet50")
        == RoIPooling(
          .pool, outputSize: 14,
          spatialScale: SpatialScale(
            featureHeight: 37, featureWidth: 50, imageHeight: 600, imageWidth: 800)))
    #expect(try pooling("chainercv").cornerRounding == .toNearestOrEven)
    #expect(
      try pooling("torchvision-fpn")
        == RoIPooling(
          .align(samplingRatio: 2, aligned: false), outputSize: 7,
          spatialScale: SpatialScale(1 / 16)
        ))
    #expect(try pooling("detectron2-c4").operator == .align(samplingRatio: nil, aligned: true))
    #expect(try pooling("jwyang").operator == .alignAverage)
  }

  @Test
  func theAxesHaveScalesOfTheirOwnDividedBeforeTheyAreMultiplied() {
    let scale = SpatialScale(featureHeight: 2, featureWidth: 4, imageHeight: 20, imageWidth: 60)
    let map = Tensor(shape: [1, 1, 2, 4], values: [0, 1, 2, 3, 10, 11, 12, 13])
    let box = BoundingBox(yMin: 10, xMin: 30, yMax: 10, xMax: 30)
    let pooling = RoIPooling(.pool, outputSize: 1, spatialScale: scale)
    #expect(pooling.pool(map, rois: [box], imageIndices: [0]).values == [12])
  }

  /// Two images of the goldens' size; the second is the first turned round, and its channels moved
  /// on.
  func twoImages(channelCount: Int) -> Tensor {
    let plane = 37 * 50
    let golden = features.values
    let first = (0..<channelCount).flatMap { channel in
      golden[channel % 16 * plane..<(channel % 16 + 1) * plane].map { $0 + Float(channel / 16) }
    }
    return Tensor(shape: [2, channelCount, 37, 50], values: first + first.reversed())
  }
}

extension ChannelLayout {
  /// A tensor `[N, C, H, W]` in this layout, padded with zeros.
  func rearranged(_ tensor: Tensor) -> [Float] {
    var elements = [Float](repeating: 0, count: elementCount)
    var index = 0
    for image in 0..<imageCount {
      for channel in 0..<channelCount {
        for y in 0..<height {
          for x in 0..<width {
            elements[offset(image: image, channel: channel, y: y, x: x)] = tensor.values[index]
            index += 1
          }
        }
      }
    }
    return elements
  }
}
