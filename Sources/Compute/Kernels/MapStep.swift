internal import CConvolutionKernels

/// A pass over maps, activation(first * scale + bias + second), bound to its tensors.
@safe struct MapStep: NativeStep {
  /// Where factors and terms of the channels lie, padded as the map's channels are.
  enum Table {
    /// The same for every picture.
    case constants(scale: MemoryBlock, bias: MemoryBlock)
    /// Those of each picture; where both lie in one tensor, terms follow the factors of all pictures.
    case tensor(scale: Memory, bias: Memory?)
  }

  let order: MapOrder
  /// N, C, H, W of the result, or N, C.
  let extents: [Int]
  let first: Memory?
  let second: Memory?
  let table: Table?
  let activation: Network.Activation
  let destination: Memory
  /// For each row and column of the result, the second map's; `nil` where it has the same extents.
  private let rows: [Int32]?
  private let columns: [Int32]?
  private let secondExtents: [Int]

  /// `enlargedFrom` has the second map's extents where it is enlarged to the first's.
  init(
    order: MapOrder, extents: [Int], first: Memory?, second: Memory?, enlargedFrom: [Int]?,
    table: Table?, activation: Network.Activation, destination: Memory
  ) {
    self.order = order
    self.extents = extents
    self.first = first
    self.second = second
    self.table = table
    self.activation = activation
    self.destination = destination
    secondExtents = enlargedFrom ?? extents
    rows = enlargedFrom.map { UpsampleNearest.sources(of: extents[2], in: $0[2]) }
    columns = enlargedFrom.map { UpsampleNearest.sources(of: extents[3], in: $0[3]) }
  }

  func run() {
    let (height, width) = (extents.count == 4 ? extents[2] : 1, extents.count == 4 ? extents[3] : 1)
    let secondHeight = secondExtents.count == 4 ? secondExtents[2] : 1
    let secondWidth = secondExtents.count == 4 ? secondExtents[3] : 1
    let (lanes, blocks) = (order.lanes, order.blocks)
    let count = extents[0] * blocks * height
    OpenMP.parallel(count, threadCount: OpenMP.threadCount) { range in
      for index in range {
        let (plane, row) = (index / height, index % height)
        let (image, block) = (plane / blocks, plane % blocks)
        // Safety: the tensors are float32 in the map's order, so rows of `width * lanes` floats follow
        // one another, and the tables have `lanes` floats for each block.
        unsafe columns.withPointer { columns in
          let secondRow = plane * secondHeight + (rows.map { Int($0[row]) } ?? row)
          let factors = unsafe factors(image: image, block: block)
          let out = unsafe destination.floats + index * width * lanes
          var work = unsafe map_row(
            out: out,
            first: first.map { unsafe UnsafePointer($0.floats + index * width * lanes) },
            second: second.map {
              unsafe UnsafePointer($0.floats + secondRow * secondWidth * lanes)
            },
            columns: columns, scale: factors.scale, bias: factors.bias, cells: width,
            lanes: Int32(lanes), valid_lanes: Int32(order.validLanes(ofBlock: block)),
            activation: activation.mapActivation)
          unsafe map_combine(&work)
        }
      }
    }
  }

  @unsafe private func factors(
    image: Int, block: Int
  ) -> (scale: UnsafePointer<Float>?, bias: UnsafePointer<Float>?) {
    let offset = block * order.lanes
    switch table {
    case nil: return (nil, nil)
    case .constants(let scale, let bias):
      return unsafe (
        UnsafePointer(scale.address.assumingMemoryBound(to: Float.self) + offset),
        UnsafePointer(bias.address.assumingMemoryBound(to: Float.self) + offset)
      )
    case .tensor(let scale, let bias):
      let position = image * order.paddedChannels + offset
      let terms = extents[0] * order.paddedChannels
      return unsafe (
        UnsafePointer(scale.floats + position),
        bias.map { unsafe UnsafePointer($0.floats + terms + position) }
      )
    }
  }
}

extension Optional where Wrapped == [Int32] {
  /// Calls a closure with a pointer to the numbers, or with `nil`.
  @unsafe fileprivate func withPointer(_ body: (UnsafePointer<Int32>?) -> Void) {
    if let self {
      unsafe self.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
    } else {
      body(nil)
    }
  }
}

extension Memory {
  /// Where the tensor begins, as float32.
  @unsafe var floats: UnsafeMutablePointer<Float> {
    unsafe address.assumingMemoryBound(to: Float.self)
  }
}
