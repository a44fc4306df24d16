/// Resizes in float32: rows first, of normalised samples, then columns.
///
/// A source row is resized once; the last few of them are kept for as long as output rows need them.
struct FloatResampler {
  let rows: ResamplingTaps
  let columns: ResamplingTaps

  func run(_ image: Image, table: NormalisationTable, into output: OutputRows) {
    let width = unsafe output.width
    let rowCount = 3 * width
    let columnWeights = columns.weights.map { Float($0) }
    // Slot `row % rows.width` holds the resized source row: the windows of one output row never
    // ask for two rows of the same slot.
    var slots = [Float](repeating: 0, count: rows.width * rowCount)
    var heldRows = [Int](repeating: -1, count: rows.width)
    unsafe slots.withUnsafeMutableBufferPointer { slots in
      for y in rows.first.indices {
        for row in rows.first[y]..<rows.first[y] + rows.width {
          let slot = row % rows.width
          guard heldRows[slot] != row else { continue }
          heldRows[slot] = row
          // Safety: a slot is below `rows.width`, so its `rowCount` values end within `slots`.
          let target = unsafe UnsafeMutableBufferPointer(
            rebasing: slots[slot * rowCount..<(slot + 1) * rowCount])
          unsafe resize(
            image, row: row, table: table, weights: columnWeights, pixelStep: output.pixelStep,
            into: target)
        }
        unsafe combine(UnsafeBufferPointer(slots), y: y, into: output)
      }
    }
  }

  /// Resizes one source row into the three channels' rows, in the output's layout.
  private func resize(
    _ image: Image, row: Int, table: NormalisationTable, weights: [Float], pixelStep: Int,
    into target: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(0..<image.height ~= row, "row \(row) of \(image.height)")
    let width = target.count / 3
    let channelStep = pixelStep == 1 ? width : 1
    // Safety: `ResamplingTaps` keeps first + width within the source's columns, samples are below
    // 256, and `target` has 3 values for each of the `width` outputs of `columns`.
    unsafe image.pixels.withUnsafeBufferPointer { pixels in
      unsafe table.values.withUnsafeBufferPointer { entries in
        unsafe weights.withUnsafeBufferPointer { weights in
          unsafe columns.first.withUnsafeBufferPointer { first in
            guard let pixels = pixels.baseAddress, let values = entries.baseAddress,
              let weights = weights.baseAddress, let target = target.baseAddress
            else { return }
            let source = unsafe pixels + 3 * image.width * row
            let (r, g, b) = table.sources
            @inline(__always) func resize(taps: Int) {
              for x in 0..<width {
                let samples = unsafe source + 3 * first[x]
                var (sum0, sum1, sum2) = (Float(0), Float(0), Float(0))
                for tap in 0..<taps {
                  let weight = unsafe weights[x * taps + tap]
                  unsafe sum0 += weight * values[Int(samples[3 * tap + r])]
                  unsafe sum1 += weight * values[256 + Int(samples[3 * tap + g])]
                  unsafe sum2 += weight * values[512 + Int(samples[3 * tap + b])]
                }
                unsafe target[x * pixelStep] = sum0
                unsafe target[x * pixelStep + channelStep] = sum1
                unsafe target[x * pixelStep + 2 * channelStep] = sum2
              }
            }
            // A constant count unrolls: nearly every resize of a linear family has 2 taps.
            if columns.width == 2 { resize(taps: 2) } else { resize(taps: columns.width) }
          }
        }
      }
    }
  }

  /// Weighs the kept rows into one output row.
  private func combine(_ slots: UnsafeBufferPointer<Float>, y: Int, into output: OutputRows) {
    let width = unsafe output.width
    let rowCount = 3 * width
    guard let slots = slots.baseAddress else { return }
    // A planar row is three pieces, an interleaved one a single piece.
    let pieces = unsafe output.pixelStep == 1 ? 3 : 1
    let count = rowCount / pieces
    for piece in 0..<pieces {
      let target = unsafe output.row(y, channel: piece)
      for tap in 0..<rows.width {
        let weight = Float(rows.weights[rows.width * y + tap])
        let slot = (rows.first[y] + tap) % rows.width
        // Safety: as in `run`; `count` values of the output lie behind `target`.
        let source = unsafe slots + (slot * rowCount + piece * count)
        if tap == 0 {
          for x in 0..<count { unsafe target[x] = weight * source[x] }
        } else {
          for x in 0..<count { unsafe target[x] += weight * source[x] }
        }
      }
    }
  }
}
