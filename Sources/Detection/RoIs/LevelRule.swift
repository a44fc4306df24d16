internal import Glibc

/// Which of several feature maps an RoI is pooled from.
public enum LevelRule: Sendable, Hashable {
  /// The first one: there is no other.
  case first

  /// The map whose cells suit the RoI's size.
  case byArea(AreaRule)

  /// Equation 1 of Lin et al., "Feature Pyramid Networks", 2017: `floor(k0 + log2(sqrt(area) /
  /// side))`, with a small number added so that the canonical side itself is not rounded below.
  public struct AreaRule: Sendable, Hashable {
    /// The side in pixels of an RoI that belongs to the canonical map.
    public var side: Float

    /// Which map that is.
    public var canonical: CanonicalMap

    /// The small number.
    public var epsilon: Float

    /// Where it is added.
    public var place: EpsilonPlace

    /// Makes a rule.
    public init(side: Float, canonical: CanonicalMap, epsilon: Float, place: EpsilonPlace) {
      self.side = side
      self.canonical = canonical
      self.epsilon = epsilon
      self.place = place
    }
  }

  /// The map to which RoIs of the canonical side belong.
  public enum CanonicalMap: Sendable, Hashable {
    /// The one whose scale is 2 to the power of minus this: k0 = 4 at a stride of 16 (torchvision,
    /// Detectron2).
    case scaleExponent(Int)
    /// The first one (MMDetection's `finest_scale`).
    case first
  }

  /// Where the small number is added.
  public enum EpsilonPlace: Sendable, Hashable {
    /// To the quotient under the logarithm (Detectron2, MMDetection).
    case quotient
    /// To the sum of k0 and the logarithm (torchvision).
    case sum
  }

  /// Two to the power of the rounded logarithm, halves to even, in float32 as torch computes it.
  static func powerOfTwo(nearest ratio: Float) -> Float {
    exp2(log2(ratio).rounded(.toNearestOrEven))
  }
}

/// Says for RoIs which feature map they are pooled from.
public struct LevelMapper: Sendable {
  private let rule: LevelRule
  private let mapCount: Int
  /// The exponents of the first and of the last map, where the rule counts by them.
  private let exponents: ClosedRange<Int>

  /// Makes a mapper.
  ///
  /// - Parameters:
  ///   - rule: How an RoI's size decides.
  ///   - scales: The vertical scale of each map, cells to a pixel, from the finest.
  public init(_ rule: LevelRule, scales: [Float]) {
    self.rule = rule
    mapCount = max(scales.count, 1)
    func exponent(_ scale: Float?) -> Int {
      let exponent = -log2(scale ?? 1)
      return exponent.isFinite ? Int(exponent.rounded()) : 0
    }
    let first = exponent(scales.first)
    exponents = first...max(first, exponent(scales.last))
  }

  /// Which map a box is pooled from, an index; the first one for a box that is not a number.
  public func level(of box: BoundingBox) -> Int {
    guard case .byArea(let rule) = rule, mapCount > 1 else { return 0 }
    let quotient = (box.width * box.height).squareRoot() / rule.side
    let logarithm = log2(rule.place == .quotient ? quotient + rule.epsilon : quotient)
    let (canonical, limits) =
      switch rule.canonical {
      case .scaleExponent(let exponent): (exponent, exponents)
      case .first: (0, 0...mapCount - 1)
      }
    var level = Float(canonical) + logarithm
    if rule.place == .sum { level += rule.epsilon }
    guard !level.isNaN else { return 0 }
    // An RoI without area has the logarithm minus infinity.
    let bounded = min(max(level.rounded(.down), Float(limits.lowerBound)), Float(limits.upperBound))
    return min(Int(bounded) - limits.lowerBound, mapCount - 1)
  }
}
