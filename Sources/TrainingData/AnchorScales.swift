internal import Tensors

extension DatasetCheck {
  /// Scales for the anchors of a network with one feature map: where small, middle and large objects lie.
  ///
  /// - Parameters:
  ///   - minimumSide: what the shorter side of a picture is resized to.
  ///   - maximumSide: the most that the longer side becomes.
  ///   - baseSize: the side of an anchor of scale 1.
  ///   - count: how many scales.
  /// - Returns: the scales, rising by a factor of at least 1.5 each; `nil` where nothing is marked.
  public func anchorScales(
    minimumSide: Int, maximumSide: Int, baseSize: Double = 16, count: Int = 3
  ) -> [Double]? {
    let sides = objectSides.map { object -> Double in
      let (short, long) = (
        min(object.picture.width, object.picture.height),
        max(object.picture.width, object.picture.height)
      )
      let factor = min(
        Double(minimumSide) / Double(short), Double(maximumSide) / Double(long))
      return Double(object.side) * factor
    }.sorted()
    guard !sides.isEmpty else { return nil }
    var scales: [Double] = []
    for index in 0..<count {
      // The middles of equal parts of the objects by size: 1/6, 3/6 and 5/6 of three.
      let quantile = (Double(index) + 0.5) / Double(count)
      let place = min(Int(quantile * Double(sides.count)), sides.count - 1)
      var scale = max(sides[place] / baseSize, 0.5)
      if let last = scales.last { scale = max(scale, last * 1.5) }
      // Two digits say as much as is known.
      let parts = scale < 10 ? 10.0 : 1
      scales.append((scale * parts).rounded() / parts)
    }
    return scales
  }
}
