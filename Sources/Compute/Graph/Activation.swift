internal import CConvolutionKernels

extension Network {
  /// What follows a layer in the same pass over its output.
  public enum Activation: String, Sendable, Hashable, CaseIterable {
    /// Nothing.
    case none
    /// max(x, 0).
    case relu
    /// min(max(x, 0), 6).
    case relu6
    /// x * relu6(x + 3) / 6 (Howard et al., arXiv:1905.02244, section 5.2).
    case hardSwish
    /// relu6(x + 3) / 6.
    case hardSigmoid
    /// x * sigmoid(x), also called swish.
    case silu
    /// 1 / (1 + exp(-x)).
    case sigmoid

    /// The bounds between which the activation cuts values off, if that is all it does.
    var bounds: ClosedRange<Float>? {
      switch self {
      case .none: -.infinity ... .infinity
      case .relu: 0 ... .infinity
      case .relu6: 0...6
      case .hardSwish, .hardSigmoid, .silu, .sigmoid: nil
      }
    }

    /// Whether what comes out is never negative.
    var isNonNegative: Bool {
      switch self {
      case .relu, .relu6, .hardSigmoid, .sigmoid: true
      case .none, .hardSwish, .silu: false
      }
    }

    /// The own kernels' name.
    var mapActivation: map_activation {
      switch self {
      case .none: map_activation_none
      case .relu: map_activation_relu
      case .relu6: map_activation_relu6
      case .hardSwish: map_activation_hard_swish
      case .hardSigmoid: map_activation_hard_sigmoid
      case .silu: map_activation_silu
      case .sigmoid: map_activation_sigmoid
      }
    }
  }
}
