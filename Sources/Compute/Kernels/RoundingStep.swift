internal import CConvolutionKernels

/// Floats made bytes, bound to their tensors, which lie alike.
struct RoundingStep: NativeStep {
  let source: Memory
  let destination: Memory
  /// What a byte's unit stands for.
  let scale: Float
  /// The byte that stands for zero.
  let zero: Int32

  func run() {
    OpenMP.parallel(destination.layout.byteCount, threadCount: OpenMP.threadCount) { range in
      // Safety: the destination has a byte for each of the source's floats.
      unsafe map_round(
        destination.address.assumingMemoryBound(to: UInt8.self) + range.lowerBound,
        source.floats + range.lowerBound, range.count, 1 / scale, zero)
    }
  }
}
