/// A map enlarged (or reduced) to another one's rows and columns: row y is row floor(y * in / out), and
/// columns alike, as `interpolate` of PyTorch has it in the mode "nearest".
struct UpsampleNearest: Operation {
  /// The map, and the one whose extents the result gets, which is not read.
  var inputs: [Network.Value]

  func isNonNegative(_ inputs: [Bool]) -> Bool { inputs[0] }

  func extents(of inputs: [[Int]], name: String) throws(ComputeError) -> [Int] {
    let (source, like) = (try map(inputs[0], name: name), try map(inputs[1], name: name))
    guard !source.contains(0) else {
      throw ComputeError(operation: name, reason: "an empty map cannot be enlarged")
    }
    return [source[0], source[1], like[2], like[3]]
  }

  func storage(
    ofInput position: Int, precision: LayerPrecision, result: ValueStorage
  ) -> ValueStorage? { position == 0 ? result : nil }

  func lower(_ layer: LoweredLayer, in lowering: inout Lowering) throws(ComputeError) {
    try lowering.addEnlargement(of: inputs[0], layer)
  }

  /// For each cell of a result of `extent`, the source's cell; the rounding is PyTorch's, whose factor
  /// is a float32.
  static func sources(of extent: Int, in source: Int) -> [Int32] {
    let factor = Float(source) / Float(extent)
    return (0..<extent).map { Int32(min(Int(Float($0) * factor), source - 1)) }
  }
}

extension Network {
  /// Adds nearest-neighbour scaling to the rows and columns of another value.
  public mutating func upsampleNearest(_ input: Value, toSizeOf other: Value, name: String) -> Value
  {
    append(UpsampleNearest(inputs: [input, other]), channels: channelCount(input), name: name)
  }
}
