internal import CConvolutionKernels

/// A local response normalisation bound to its tensors.
struct LocalResponseStep: NativeStep {
  let order: MapOrder
  let extents: [Int]
  let operation: LocalResponseNormalisation
  let source: Memory
  let destination: Memory

  func run() {
    let (height, width, lanes) = (extents[2], extents[3], order.lanes)
    let alpha = operation.alpha / Float(operation.size * operation.size)
    OpenMP.parallel(
      extents[0] * order.blocks * height, threadCount: OpenMP.threadCount
    ) { range in
      var window = unsafe [UnsafePointer<Float>?](repeating: nil, count: operation.size)
      for index in range {
        for tap in 0..<operation.size {
          let row = index % height + tap - operation.size / 2
          // Safety: rows inside the map; each has `width * lanes` floats.
          unsafe window[tap] =
            (0..<height).contains(row)
            ? UnsafePointer(source.floats + (index / height * height + row) * width * lanes) : nil
        }
        unsafe map_normalise_locally(
          destination.floats + index * width * lanes, window, Int32(operation.size), width,
          Int32(lanes), alpha, operation.beta)
      }
    }
  }
}
