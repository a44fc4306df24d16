/// What a plan may choose besides the size: how precisely and by which algorithms to compute.
public struct PlanOptions: Sendable {
  /// The type in which weights and activations are kept and multiplied.
  public enum Precision: String, Sendable, Hashable {
    /// IEEE single precision throughout.
    case float32 = "fp32"
    /// The upper half of single precision, but for the first and the last layers; sums in single
    /// precision, but for those of residual blocks.
    case bfloat16 = "bf16"
    /// Bytes where a layer has been calibrated for them, else as `bfloat16` where the CPU has that.
    case int8

    /// Whether the CPU computes in the precision at its full speed.
    ///
    /// bf16 wants AVX512_BF16, int8 wants VNNI; without, plans compute in single precision.
    public var isSupported: Bool {
      switch self {
      case .float32: true
      case .bfloat16: Engine.hasBFloat16
      case .int8: Engine.hasVNNI
      }
    }
  }

  /// How 3x3 convolutions are computed.
  public enum ConvolutionAlgorithm: String, Sendable, Hashable, CaseIterable {
    /// By definition.
    case direct
    /// By Winograd's algorithm where the CPU has it and it pays, else directly.
    case fastest
  }

  /// The precision of weights and activations.
  public var precision: Precision

  /// The algorithm of the convolutions.
  public var convolution: ConvolutionAlgorithm

  /// The most bytes that a run of layers may work on at once; above, it is computed strip by strip.
  ///
  /// Strips cost the rows at their seams, which are computed twice, and save memory; where the
  /// activations of a strip stay in the cache they are no slower than the whole.
  public var stripByteCount: Int

  /// Makes a set of options.
  public init(
    precision: Precision = .float32, convolution: ConvolutionAlgorithm = .fastest,
    stripByteCount: Int = 100 << 20
  ) {
    self.precision = precision
    self.convolution = convolution
    self.stripByteCount = stripByteCount
  }

  /// Whether convolutions in float32 may be computed by Winograd's algorithm.
  var usesWinograd: Bool { convolution == .fastest && Engine.winogradLanes != nil }

  /// Whether the CPU computes in the precision, or emulation is good enough, as for a test.
  var isSupported: Bool { allowsEmulation || precision.isSupported }

  /// The precision that plans really have.
  public var effectivePrecision: Precision { isSupported ? precision : .float32 }

  /// Whether a precision that the CPU lacks is emulated, which is slower than float32.
  var allowsEmulation = false
}
