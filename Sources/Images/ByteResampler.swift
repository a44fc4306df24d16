/// Resizes bytes as Pillow does: rows first, then columns, in fixed point, each pass rounded to bytes.
///
/// Source: Pillow, `src/libImaging/Resample.c`, `ImagingResampleHorizontal_8bpc` and
/// `ImagingResampleVertical_8bpc`. The results are the same bit for bit.
struct ByteResampler {
  /// The fraction bits of a weight: 32 less 8 for the sample and 2 for weights that sum above 1.
  private static let precision: Int32 = 32 - 8 - 2

  /// What rounds a sum to nearest when its fraction is cut off.
  private static let half = Int32(1) << (precision - 1)

  /// The sums that are kept at once: few enough for the first-level cache.
  private static let block = 256

  let rows: ResamplingTaps
  let columns: ResamplingTaps
  private let rowWeights: [Int32]
  private let columnWeights: [Int32]

  init(rows: ResamplingTaps, columns: ResamplingTaps) {
    self.rows = rows
    self.columns = columns
    rowWeights = rows.weights.map(Self.fixedPoint)
    columnWeights = columns.weights.map(Self.fixedPoint)
  }

  /// Half away from zero, as a cast of the shifted value does.
  private static func fixedPoint(_ weight: Double) -> Int32 {
    let scaled = weight * Double(Int32(1) << precision)
    return Int32(scaled + (weight < 0 ? -0.5 : 0.5))
  }

  func run(_ image: Image, table: NormalisationTable, into output: OutputRows) {
    let rowCount = unsafe 3 * output.width
    let isWidthKept = unsafe output.width == image.width
    let isHeightKept = rows.first.count == image.height
    // Slot `row % rows.width` holds the resized source row: the windows of one output row never
    // ask for two rows of the same slot.
    var slots = [UInt8](repeating: 0, count: rows.width * rowCount)
    var heldRows = [Int](repeating: -1, count: rows.width)
    var bytes = [UInt8](repeating: 0, count: rowCount)
    for y in rows.first.indices {
      let (first, count) = isHeightKept ? (y, 1) : (rows.first[y], rows.width)
      for row in first..<first + count {
        let slot = row % rows.width
        guard heldRows[slot] != row else { continue }
        heldRows[slot] = row
        unsafe slots.withUnsafeMutableBufferPointer { slots in
          // Safety: a slot is below `rows.width`, so its `rowCount` bytes end within `slots`.
          let target = unsafe UnsafeMutableBufferPointer(
            rebasing: slots[slot * rowCount..<(slot + 1) * rowCount])
          unsafe resize(image, row: row, isWidthKept: isWidthKept, into: target)
        }
      }
      unsafe slots.withUnsafeBufferPointer { slots in
        if isHeightKept {
          let slot = first % rows.width
          let row = unsafe slots[slot * rowCount..<(slot + 1) * rowCount]
          unsafe table.write(UnsafeBufferPointer(rebasing: row), into: output, y: y)
          return
        }
        unsafe bytes.withUnsafeMutableBufferPointer { bytes in
          unsafe combine(slots, y: y, into: bytes)
          unsafe table.write(UnsafeBufferPointer(bytes), into: output, y: y)
        }
      }
    }
  }

  private func resize(
    _ image: Image, row: Int, isWidthKept: Bool, into target: UnsafeMutableBufferPointer<UInt8>
  ) {
    precondition(0..<image.height ~= row, "row \(row) of \(image.height)")
    // Safety: `ResamplingTaps` keeps first + width within the source's columns, and `target` has 3
    // bytes for each of its outputs.
    unsafe image.pixels.withUnsafeBufferPointer { pixels in
      guard let pixels = pixels.baseAddress, let target = target.baseAddress else { return }
      let source = unsafe pixels + 3 * image.width * row
      if isWidthKept {
        unsafe target.update(from: source, count: 3 * image.width)
        return
      }
      unsafe columnWeights.withUnsafeBufferPointer { weights in
        unsafe columns.first.withUnsafeBufferPointer { first in
          @inline(__always) func resize(taps: Int) {
            for x in first.indices {
              let samples = unsafe source + 3 * first[x]
              var (red, green, blue) = (Self.half, Self.half, Self.half)
              for tap in 0..<taps {
                let weight = unsafe weights[x * taps + tap]
                unsafe red &+= weight &* Int32(samples[3 * tap])
                unsafe green &+= weight &* Int32(samples[3 * tap + 1])
                unsafe blue &+= weight &* Int32(samples[3 * tap + 2])
              }
              unsafe target[3 * x] = Self.byte(red)
              unsafe target[3 * x + 1] = Self.byte(green)
              unsafe target[3 * x + 2] = Self.byte(blue)
            }
          }
          // Constant counts unroll: enlarging takes 2 taps (bilinear) or 4 (bicubic).
          switch columns.width {
          case 2: resize(taps: 2)
          case 4: resize(taps: 4)
          default: resize(taps: columns.width)
          }
        }
      }
    }
  }

  /// Weighs the kept rows into one output row.
  private func combine(
    _ slots: UnsafeBufferPointer<UInt8>, y: Int, into target: UnsafeMutableBufferPointer<UInt8>
  ) {
    let rowCount = target.count
    guard let slots = slots.baseAddress, let target = target.baseAddress else { return }
    let weights = rowWeights[rows.width * y..<rows.width * (y + 1)]
    // Safety: as in `run`, a slot's `rowCount` bytes lie within `slots`; a block ends by `rowCount`.
    unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: Self.block) { sums in
      guard let sums = sums.baseAddress else { return }
      var start = 0
      while start < rowCount {
        let count = min(Self.block, rowCount - start)
        for x in 0..<count { unsafe sums[x] = Self.half }
        for (tap, weight) in weights.enumerated() {
          let slot = (rows.first[y] + tap) % rows.width
          let source = unsafe slots + (slot * rowCount + start)
          for x in 0..<count { unsafe sums[x] &+= weight &* Int32(source[x]) }
        }
        let bytes = unsafe target + start
        for x in 0..<count { unsafe bytes[x] = Self.byte(sums[x]) }
        start += count
      }
    }
  }

  private static func byte(_ sum: Int32) -> UInt8 {
    UInt8(truncatingIfNeeded: min(max(sum &>> precision, 0), 255))
  }
}
