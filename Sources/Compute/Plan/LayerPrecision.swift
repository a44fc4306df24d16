internal import Tensors

/// How a plan keeps a value that passes from one layer to the next.
enum ValueStorage: Equatable {
  case float32
  case bfloat16
  /// Bytes that stand for `scale` times 0 to 255, less `zero`; values below and above are cut off.
  case quantized(scale: Float, zero: Int32 = 0)

  /// What one unit of the kept numbers stands for.
  var scale: Float {
    if case .quantized(let scale, _) = self { scale } else { 1 }
  }

  /// The number that stands for zero.
  var zero: Int32 {
    if case .quantized(_, let zero) = self { zero } else { 0 }
  }

  /// The engine's type.
  var elementType: ElementType {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .quantized: .uint8
    }
  }
}

/// The type in which a layer multiplies.
enum LayerPrecision: Equatable {
  case float32
  case bfloat16
  /// Inputs as bytes, the least and the largest of which stand for the ends of `inputRange`, where zero is a
  /// byte of its own; weights as signed bytes with a scale for each output channel; sums in 32 bits.
  case int8(inputRange: ClosedRange<Float>)

  /// The precision without its ranges.
  var plain: PlanOptions.Precision {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .int8: .int8
    }
  }

  /// The engine's type for weights.
  var weightType: ElementType {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .int8: .int8
    }
  }

  /// What oneDNN multiplies a layer's sums with, for each output channel: products of bytes come out
  /// as what they stand for, or as the bytes that stand for it.
  func outputScales(
    _ weights: LayerWeights, to result: ValueStorage, name: String
  ) throws(ComputeError) -> [Float] {
    guard case .int8 = self else { return [] }
    let factor = inputStorage.scale / result.scale
    return try weights.quantizationScales(name: name).map { $0 * factor }
  }

  /// How a layer writes its result where its readers want it as `wanted`: kernels round to their own type
  /// alone, and bytes are made of bfloat16 as of floats.
  func resultStorage(wanted: ValueStorage) -> ValueStorage {
    switch (self, wanted) {
    case (.bfloat16, .bfloat16), (.int8, .quantized): wanted
    case (.bfloat16, .quantized): .bfloat16
    default: .float32
    }
  }

  /// What a unit of each output channel's bias stands for where it is added: of the sums in oneDNN 2,
  /// of the result in oneDNN 3, which scales first; none where biases are as they are.
  func biasUnits(
    _ weights: LayerWeights, to result: ValueStorage, name: String
  ) throws(ComputeError) -> [Float] {
    guard case .int8 = self else { return [] }
    if Engine.addsBiasesBeforeScales {
      return try outputScales(weights, to: .float32, name: name)
    }
    return [Float](repeating: result.scale, count: weights.biases.count)
  }

  /// How the layer wants its input.
  var inputStorage: ValueStorage {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .int8(let range): Self.storage(of: range)
    }
  }

  private static func storage(of range: ClosedRange<Float>) -> ValueStorage {
    let scale = (range.upperBound - min(range.lowerBound, 0)) / 255
    let zero = min(max(-range.lowerBound / scale, 0), 255).rounded()
    return .quantized(scale: scale, zero: Int32(zero))
  }

  /// What the byte that stands for zero adds to each output, which the biases take back; empty where it is 0.
  func zeroTerms(_ weights: LayerWeights, name: String) throws(ComputeError) -> [Float] {
    let input = inputStorage
    guard input.zero != 0 else { return [] }
    let scales = try weights.quantizationScales(name: name)
    let sums = try weights.quantizedSums(name: name)
    return zip(scales, sums).map { scale, sum in
      Float(Double(input.zero) * Double(input.scale) * Double(scale) * Double(sum))
    }
  }
}
