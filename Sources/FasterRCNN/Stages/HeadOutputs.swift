internal import Compute

/// What the head said of all proposals: in its plan's own memory where one run took them all, or
/// gathered from several.
@safe struct HeadOutputs {
  /// The offsets of one proposal.
  let offsetCount: Int

  /// The logits of one proposal.
  let logitCount: Int

  private var offsets: UnsafeBufferPointer<Float>
  private var logits: UnsafeBufferPointer<Float>
  private let gathered:
    (offsets: UnsafeMutableBufferPointer<Float>, logits: UnsafeMutableBufferPointer<Float>)?

  /// Outputs that stay where the head's one run writes them.
  init(offsetCount: Int, logitCount: Int) {
    self.offsetCount = offsetCount
    self.logitCount = logitCount
    unsafe offsets = UnsafeBufferPointer(start: nil, count: 0)
    unsafe logits = UnsafeBufferPointer(start: nil, count: 0)
    unsafe gathered = nil
  }

  /// Outputs that are copied together; the memory has to hold every proposal's.
  init(
    offsetCount: Int, logitCount: Int, offsets: UnsafeMutableBufferPointer<Float>,
    logits: UnsafeMutableBufferPointer<Float>
  ) {
    self.offsetCount = offsetCount
    self.logitCount = logitCount
    unsafe self.offsets = UnsafeBufferPointer(offsets)
    unsafe self.logits = UnsafeBufferPointer(logits)
    unsafe gathered = (offsets, logits)
  }

  /// Takes over what a run said of some proposals.
  @unsafe mutating func take(_ plan: Plan, rows: Range<Int>) {
    let (newOffsets, newLogits) = unsafe (plan.outputValues(0), plan.outputValues(1))
    guard let gathered = unsafe gathered else {
      unsafe (offsets, logits) = (newOffsets, newLogits)
      return
    }
    unsafe copy(newOffsets, to: gathered.offsets, rows: rows, rowCount: offsetCount)
    unsafe copy(newLogits, to: gathered.logits, rows: rows, rowCount: logitCount)
  }

  @unsafe private func copy(
    _ source: UnsafeBufferPointer<Float>, to target: UnsafeMutableBufferPointer<Float>,
    rows: Range<Int>, rowCount: Int
  ) {
    // Safety: a run has a row for each of its proposals, and the target one for every proposal.
    let place = unsafe UnsafeMutableBufferPointer(
      rebasing: target[rows.lowerBound * rowCount..<rows.upperBound * rowCount])
    unsafe _ = place.update(fromContentsOf: source.prefix(rows.count * rowCount))
  }

  /// The offsets of some proposals, row by row.
  @unsafe func offsets(_ rows: Range<Int>) -> UnsafeBufferPointer<Float> {
    unsafe UnsafeBufferPointer(
      rebasing: offsets[rows.lowerBound * offsetCount..<rows.upperBound * offsetCount])
  }

  /// The logits of some proposals, row by row.
  @unsafe func logits(_ rows: Range<Int>) -> UnsafeBufferPointer<Float> {
    unsafe UnsafeBufferPointer(
      rebasing: logits[rows.lowerBound * logitCount..<rows.upperBound * logitCount])
  }
}
