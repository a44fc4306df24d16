/// The mean of each window, or of the whole map where there is no window.
struct AveragePooling: Operation {
  var inputs: [Network.Value]
  let window: Network.Window?
  /// Whether the padding's zeros count among the cells that are divided by.
  let countsPadding: Bool

  func isNonNegative(_ inputs: [Bool]) -> Bool { inputs[0] }

  func extents(of inputs: [[Int]], name: String) throws(ComputeError) -> [Int] {
    let source = try map(inputs[0], name: name)
    guard let window else { return [source[0], source[1], 1, 1] }
    return try window.pooledExtents(source, name: name)
  }

  func sourceRows(for rows: Range<Int>, of extent: Int) -> Range<Int>? {
    window?.rows().cells(rows, of: extent)
  }

  func lower(_ layer: LoweredLayer, in lowering: inout Lowering) throws(ComputeError) {
    let source = lowering.extents(of: inputs[0])
    let geometry =
      window.map {
        PoolingGeometry($0, source: source, output: lowering.extents(of: layer.result))
      } ?? PoolingGeometry(whole: source)
    try lowering.addPooling(
      countsPadding ? .averageWithPadding : .average, of: inputs[0], geometry, layer)
  }
}

extension Network {
  /// Adds average pooling.
  ///
  /// - Parameters:
  ///   - input: (N, C, H, W).
  ///   - window: the windows; traps where it is dilated.
  ///   - countsPadding: whether zeros of the padding count among the cells that are divided by, as in
  ///     PyTorch unless `count_include_pad` is false.
  ///   - name: what plans and errors call the layer.
  /// - Returns: (N, C, H', W').
  public mutating func averagePooling(
    _ input: Value, window: Window, countsPadding: Bool = true, name: String
  ) -> Value {
    precondition(window.dilation == 1, "\(name): dilated average pooling")
    return append(
      AveragePooling(inputs: [input], window: window, countsPadding: countsPadding),
      channels: channelCount(input), name: name)
  }

  /// Adds the mean over rows and columns: (N, C, H, W) to (N, C, 1, 1).
  public mutating func globalAveragePooling(_ input: Value, name: String) -> Value {
    append(
      AveragePooling(inputs: [input], window: nil, countsPadding: false),
      channels: channelCount(input), name: name)
  }
}
