internal import CConvolutionKernels
internal import Tensors

/// Floats or bfloat16 made bytes, bound to their tensors, which lie alike.
struct RoundingStep: NativeStep {
  let source: Memory
  let destination: Memory
  /// What a byte's unit stands for.
  let scale: Float
  /// The byte that stands for zero.
  let zero: Int32

  func run() {
    OpenMP.parallel(destination.layout.byteCount, threadCount: OpenMP.threadCount) { range in
      // Safety: the destination has a byte for each of the source's numbers.
      let bytes = unsafe destination.address.assumingMemoryBound(to: UInt8.self)
      if source.layout.elementType == .bfloat16 {
        let values = unsafe source.address.assumingMemoryBound(to: UInt16.self)
        unsafe map_round_bfloat16(
          bytes + range.lowerBound, values + range.lowerBound, range.count, 1 / scale, zero)
      } else {
        unsafe map_round(
          bytes + range.lowerBound, source.floats + range.lowerBound, range.count, 1 / scale, zero)
      }
    }
  }
}
