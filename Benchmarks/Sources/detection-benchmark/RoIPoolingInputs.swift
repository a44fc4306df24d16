import Detection
import Tensors

/// 300 proposals over a feature map of 512 channels and 37 x 62 cells, as VGG16 gives for the frame.
struct RoIPoolingInputs {
  static let channelCount = 512

  /// The map, `[512, 37, 62]`.
  let features: [Float]

  /// The proposals of an untrained network, 300 of them.
  let rois: [BoundingBox]

  init(_ inputs: Inputs) {
    var random = RandomNumbers(seed: 512)
    features = (0..<Self.channelCount * inputs.grid.height * inputs.grid.width).map { _ in
      random.uniform(-1...1)
    }
    var creator = ProposalCreator(settings: ProposalSettings())
    rois =
      creator.propose(
        offsets: inputs.untrained.offsets.span, scores: inputs.untrained.scores.span,
        grid: inputs.grid, frame: Inputs.frame
      ).boxes
  }

  /// RoIPool of all RoIs to 7 x 7 bins, from plain channels to plain channels or between blocks of 16.
  func makeCases(_ inputs: Inputs) -> [(name: String, work: Work)] {
    [("roi-pool", 1), ("roi-pool-nChw16c", 16)].map { name, block in
      let pooling = RoIPooling(.pool, outputSize: 7, spatialScale: SpatialScale(1 / 16))
      let layout = ChannelLayout(
        channelCount: Self.channelCount, height: inputs.grid.height, width: inputs.grid.width,
        channelBlock: block)
      var blocked = [Float](repeating: 0, count: layout.elementCount)
      var index = 0
      for channel in 0..<layout.channelCount {
        for y in 0..<layout.height {
          for x in 0..<layout.width {
            blocked[layout.offset(image: 0, channel: channel, y: y, x: x)] = features[index]
            index += 1
          }
        }
      }
      let (rois, imageIndices, chosen) = (rois, rois.map { _ in 0 }, Array(rois.indices))
      let outputLayout = pooling.outputLayout(
        roiCount: rois.count, channelCount: layout.channelCount, channelBlock: block)
      var output = [Float](repeating: 0, count: outputLayout.elementCount)
      return (
        name,
        {
          // Safety: both buffers have the sizes of their layouts, which `pool` checks.
          unsafe blocked.withUnsafeBufferPointer { blocked in
            unsafe output.withUnsafeMutableBufferPointer { output in
              unsafe pooling.pool(
                blocked, layout: layout, rois: rois.span, imageIndices: imageIndices.span,
                chosen: chosen.span, into: output, outputChannelBlock: block)
            }
          }
          return output.count
        }
      )
    }
  }
}
