internal import Families
internal import Glibc
internal import Networks
internal import Tensors

/// How a family draws a tensor's first values.
enum Initialisation: Sendable, Equatable {
  /// All alike.
  case constant(Float)
  /// A normal distribution about 0.
  case normal(deviation: Float)
  /// A uniform distribution between minus and plus a bound.
  case uniform(bound: Float)

  /// He et al., arXiv:1502.01852, for layers with ReLU.
  static func kaiming(fan: Int) -> Initialisation {
    .normal(deviation: (2 / Float(max(fan, 1))).squareRoot())
  }

  /// In words, for the table of origins.
  var words: String {
    switch self {
    case .constant(let value): value == 0 ? "zeros" : value == 1 ? "ones" : "\(value)"
    case .normal(let deviation): "normal, deviation \(Self.short(deviation))"
    case .uniform(let bound): "uniform, up to \(Self.short(bound))"
    }
  }

  private static func short(_ value: Float) -> String {
    let digits = 10_000.0
    return "\((Double(value) * digits).rounded() / digits)"
  }

  /// Draws a tensor; the same name and seed always give the same values.
  func tensor(named name: String, _ shape: Shape, seed: UInt64) -> StoredTensor {
    var values = [Float](repeating: 0, count: shape.count)
    var generator = SplitMix64(seed: seed ^ name.utf8.fnv1a)
    switch self {
    case .constant(let value):
      if value != 0 { values = [Float](repeating: value, count: shape.count) }
    case .normal(let deviation):
      for index in stride(from: 0, to: values.count, by: 2) {
        let (first, second) = generator.nextNormalPair()
        values[index] = first * deviation
        if index + 1 < values.count { values[index + 1] = second * deviation }
      }
    case .uniform(let bound):
      for index in values.indices {
        // 24 bits of the draw, in the middle of their step.
        values[index] = ((Float(generator.next() >> 40) + 0.5) * 0x1p-23 - 1) * bound
      }
    }
    return StoredTensor(Tensor(shape: shape, values: values))
  }
}

extension Initialisation {
  /// How a family initialises a tensor, by its canonical name.
  ///
  /// torchvision: `rpn.py`, `feature_pyramid_network.py` and `resnet.py` draw their own, the box head has
  /// PyTorch's `nn.Linear`. The others: `normal_init` of py-faster-rcnn, which all took over.
  static func of(_ name: String, _ shape: Shape, family: Family) -> Initialisation {
    let isBias = name.hasSuffix(".bias")
    if name.hasSuffix(".norm.weight") || name.hasSuffix(".running_var") { return .constant(1) }
    if name.hasSuffix(".norm.bias") || name.hasSuffix(".running_mean") { return .constant(0) }
    let isTorchvision = family.name.hasPrefix("torchvision")
    let inputs = shape.dimensions.dropFirst().reduce(1, *)
    if name.hasPrefix("backbone.") {
      guard !isBias else { return .constant(0) }
      // A ResNet's variance is kept on the way back, a VGG's on the way forward.
      let isResidual = name.hasPrefix("backbone.stem") || name.hasPrefix("backbone.layer")
      return .kaiming(fan: isResidual ? shape[0] * inputs / max(shape[1], 1) : inputs)
    }
    if name.hasPrefix("neck.") {
      return isBias ? .constant(0) : .uniform(bound: (3 / Float(max(inputs, 1))).squareRoot())
    }
    if name.hasPrefix("rpn.") { return isBias ? .constant(0) : .normal(deviation: 0.01) }
    if isTorchvision, name.hasPrefix("head.") {
      // The biases of `nn.Linear` have the bound of its weights: what calls this knows the inputs.
      return .uniform(bound: 1 / Float(max(inputs, 1)).squareRoot())
    }
    guard !isBias else { return .constant(0) }
    if name.hasPrefix("head.boxes") { return .normal(deviation: 0.001) }
    if name.hasPrefix("head.conv") || name.hasPrefix("head.layer") {
      return .kaiming(fan: inputs)
    }
    return .normal(deviation: 0.01)
  }
}
