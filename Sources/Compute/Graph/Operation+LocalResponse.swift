/// Each value over a power of what its neighbours in the same channel have: Caffe's local response
/// normalisation `WITHIN_CHANNEL`, which ZF's network has.
struct LocalResponseNormalisation: Operation {
  var inputs: [Network.Value]
  let size: Int
  let alpha: Float
  let beta: Float

  func isNonNegative(_ inputs: [Bool]) -> Bool { inputs[0] }

  func extents(of inputs: [[Int]], name: String) throws(ComputeError) -> [Int] {
    try map(inputs[0], name: name)
  }

  func sourceRows(for rows: Range<Int>, of extent: Int) -> Range<Int>? {
    max(rows.lowerBound - size / 2, 0)..<min(rows.upperBound + size / 2, extent)
  }

  func lower(_ layer: LoweredLayer, in lowering: inout Lowering) throws(ComputeError) {
    try lowering.addLocalResponseStep(self, layer)
  }
}

extension Network {
  /// Adds x (1 + alpha / size² * s)^-beta, where s is the sum of the squares in a window of `size` x
  /// `size` around x, zeros where it leaves the map.
  ///
  /// - Parameters:
  ///   - input: (N, C, H, W).
  ///   - size: the rows and columns of the window; traps unless it is odd and positive.
  ///   - alpha: how strongly neighbours count.
  ///   - beta: the exponent.
  ///   - name: what plans and errors call the layer.
  /// - Returns: (N, C, H, W).
  public mutating func localResponseNormalisation(
    _ input: Value, size: Int, alpha: Float, beta: Float, name: String
  ) -> Value {
    precondition(size > 0 && size % 2 == 1, "\(name): a window of \(size)")
    return append(
      LocalResponseNormalisation(inputs: [input], size: size, alpha: alpha, beta: beta),
      channels: channelCount(input), name: name)
  }
}
