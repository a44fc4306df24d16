extension Array where Element == Int {
  /// Draws some of the elements at random, without putting back: NumPy's `choice(...,
  /// replace=False)`.
  ///
  /// The first steps of a Fisher-Yates shuffle. The standard library does not promise that its own
  /// `shuffled` and `random(in:)` stay as they are; these lines do, so a seed gives the same sample
  /// with every version of Swift.
  ///
  /// - Parameters:
  ///   - count: how many to draw, at most; all of them where there are fewer.
  ///   - generator: where the randomness comes from.
  /// - Returns: the drawn elements, in the order of the draw.
  public func drawing(_ count: Int, using generator: inout some RandomNumberGenerator) -> [Int] {
    var elements = self
    let drawn = Swift.min(Swift.max(count, 0), elements.count)
    for i in 0..<drawn {
      let rest = UInt64(elements.count - i)
      // Numbers from the last, incomplete multiple of `rest` on would favour some elements.
      let limit = UInt64.max - UInt64.max % rest
      var number = generator.next()
      while number >= limit { number = generator.next() }
      elements.swapAt(i, i + Int(number % rest))
    }
    return Array(elements.prefix(drawn))
  }
}
