extension ResizeRule: CustomStringConvertible {
  /// The rule in words, as `shorter side to 600, longer side at most 1000, rounded down`.
  public var description: String {
    "shorter side to \(minimumSide), longer side "
      + (maximumSide.map { "at most \($0)" } ?? "unlimited")
      + ", rounded \(rounding.words)"
  }
}

extension ResizeRule.Rounding {
  /// How it rounds, in words.
  fileprivate var words: String {
    switch self {
    case .down: "down"
    case .halfEven: "to the nearest, halves to even"
    case .halfUp: "to the nearest, halves up"
    case .torchScript: "down, of a factor as TorchScript has it"
    }
  }
}

extension Preprocessing: CustomStringConvertible {
  /// The preprocessing in words, as
  /// `skimageLinear, RGB, (value / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]`.
  public var description: String {
    func list(_ vector: SIMD3<Float>) -> String {
      "[" + (0..<3).map { Self.decimal(vector[$0]) }.joined(separator: ", ") + "]"
    }
    var formula = "value"
    if divisor != 1 { formula += " / \(Self.decimal(divisor))" }
    if mean != .zero { formula += " - \(list(mean))" }
    if standardDeviation != .one { formula = "(\(formula)) / \(list(standardDeviation))" }
    return "\(interpolation.rawValue), \(channelOrder.rawValue.uppercased()), \(formula)"
  }

  /// The shortest decimal, whole numbers without a point.
  private static func decimal(_ value: Float) -> String {
    guard let whole = Int(exactly: value) else { return "\(value)" }
    return "\(whole)"
  }
}
