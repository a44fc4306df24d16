internal import CConvolutionKernels
internal import Tensors

/// A map enlarged to the nearest cells, bound to its tensors: cells are copied, whatever they are kept as.
@safe struct EnlargementStep: NativeStep {
  private let order: MapOrder
  private let source: Memory
  private let sourceExtents: [Int]
  private let destination: Memory
  private let extents: [Int]
  /// For each row and column of the result, the source's.
  private let rows: [Int32]
  private let columns: [Int32]
  /// The bytes of a cell's channels that lie side by side.
  private let byteCount: Int

  /// Extents are N, C, H, W; both tensors lie in the same order.
  init(
    order: MapOrder, source: Memory, sourceExtents: [Int], destination: Memory, extents: [Int]
  ) {
    self.order = order
    self.source = source
    self.sourceExtents = sourceExtents
    self.destination = destination
    self.extents = extents
    rows = UpsampleNearest.sources(of: extents[2], in: sourceExtents[2])
    columns = UpsampleNearest.sources(of: extents[3], in: sourceExtents[3])
    byteCount = order.lanes * source.layout.elementType.byteCount
  }

  func run() {
    let (height, width) = (extents[2], extents[3])
    OpenMP.parallel(
      extents[0] * order.blocks * height, threadCount: OpenMP.threadCount
    ) { range in
      for index in range {
        let sourceRow = index / height * sourceExtents[2] + Int(rows[index % height])
        // Safety: rows of both maps follow one another, and columns are the source's.
        unsafe map_enlarge(
          destination.address + index * width * byteCount,
          source.address + sourceRow * sourceExtents[3] * byteCount, columns, width, byteCount)
      }
    }
  }
}
