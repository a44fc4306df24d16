internal import Tensors

/// The largest value of each window; padding never wins.
struct MaxPooling: Operation {
  var inputs: [Network.Value]
  let window: Network.Window

  func isNonNegative(_ inputs: [Bool]) -> Bool { inputs[0] }

  func extents(of inputs: [[Int]], name: String) throws(ComputeError) -> [Int] {
    try window.pooledExtents(map(inputs[0], name: name), name: name)
  }

  func sourceRows(for rows: Range<Int>, of extent: Int) -> Range<Int>? {
    window.rows().cells(rows, of: extent)
  }

  func storage(
    ofInput position: Int, precision: LayerPrecision, result: ValueStorage
  ) -> ValueStorage? {
    // The largest of some values is the same before and after rounding.
    result
  }

  func lower(_ layer: LoweredLayer, in lowering: inout Lowering) throws(ComputeError) {
    let source = lowering.extents(of: inputs[0])
    try lowering.addPooling(
      .maximum, of: inputs[0],
      PoolingGeometry(window, source: source, output: lowering.extents(of: layer.result)), layer)
  }
}

/// The extents of one pooling; spatial values are rows, then columns.
struct PoolingGeometry {
  /// N, C, H', W'.
  var output: [Int]
  var sizes: [Int]
  var strides: [Int]
  var leading: [Int]
  var trailing: [Int]
  var dilations: [Int]

  /// One window over the whole source.
  init(whole source: [Int]) {
    output = [source[0], source[1], 1, 1]
    sizes = Array(source[2...])
    (strides, leading, trailing, dilations) = ([1, 1], [0, 0], [0, 0], [1, 1])
  }

  init(_ window: Network.Window, source: [Int], output: [Int]) {
    let axes = [window.rows(), window.columns()]
    self.output = output
    sizes = axes.map(\.size)
    strides = axes.map(\.stride)
    leading = axes.map(\.leading)
    trailing = zip(axes, source[2...]).map { $0.exactTrailing($1) }
    dilations = axes.map(\.dilation)
  }
}

extension Network.Window {
  /// The extents behind a pooling.
  func pooledExtents(_ source: [Int], name: String) throws(ComputeError) -> [Int] {
    let output = [source[0], source[1], rows().count(source[2]), columns().count(source[3])]
    guard output[2] > 0, output[3] > 0 else {
      throw ComputeError(
        operation: name, reason: "the input \(Shape(source)) is smaller than the window")
    }
    return output
  }
}

extension Network {
  /// Adds max pooling; padding never wins.
  public mutating func maxPooling(_ input: Value, window: Window, name: String) -> Value {
    append(
      MaxPooling(inputs: [input], window: window), channels: channelCount(input), name: name)
  }
}
