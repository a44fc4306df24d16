public import Tensors

/// The size that a picture is resized to, and what that means for boxes.
public struct Resizing: Sendable, Hashable {
  /// The size of the resized picture, without padding.
  public var size: PictureSize

  /// Resized pixels to one original pixel, as the family states it: what minimum sizes are
  /// multiplied by, and what divides boxes on the way back where the family does so.
  public var scale: Double

  /// Resized pixels to one original pixel as the sampling uses it, where that is not the ratio of
  /// the sizes: OpenCV given `fx` and `fy` samples by them, whatever the size was rounded to.
  public var samplingScale: Double?

  /// Makes a resizing.
  public init(_ size: PictureSize, scale: Double, samplingScale: Double? = nil) {
    self.size = size
    self.scale = scale
    self.samplingScale = samplingScale
  }
}

/// How large a picture is made before a network sees it.
///
/// All ways bring the shorter side to `minimumSide` unless the longer one would then exceed
/// `maximumSide`; they differ in how they round, and a row more or less moves every anchor.
public struct ResizeRule: Sendable, Hashable {
  /// How a side becomes a whole number.
  public enum Rounding: String, Sendable, CaseIterable {
    /// To the next lower one.
    case down
    /// To the nearest, halves to the even one.
    case halfEven = "half_even"
    /// To the nearest, halves to the higher one.
    case halfUp = "half_up"
    /// To the next lower one, of a length times a factor that is float32's reciprocal of a side times the
    /// limit: torchvision 0.10 to 0.15, and what later ones export to TorchScript and ONNX. 480 rows
    /// become 799 instead of 800.
    case torchScript = "torchscript"
  }

  /// How the limit of the longer side is kept.
  public enum Cap: Sendable, Hashable {
    /// The smaller of the two factors is taken.
    case smallerFactor
    /// The limit's factor is taken where the longer side, not rounded yet, would exceed it.
    case whereSideExceeds
    /// The limit's factor is taken where the rounded longer side would exceed it.
    case whereRoundedSideExceeds
    /// Both sides, not rounded yet, are multiplied by a second factor.
    case secondFactor
  }

  /// What the shorter side becomes where the limit does not hold.
  public enum ShorterSide: Sendable, Hashable {
    /// Its length times the factor, which may come out below `minimumSide`: 193 * (800 / 193) is less
    /// than 800 in float64.
    case scaled
    /// `minimumSide` itself.
    case exact
    /// Its length divided by its ratio to the scaled one, as `scipy.ndimage.zoom` has it.
    case zoomed
  }

  /// Which scale is told to those who take boxes back to the picture, or measure smallest sides.
  public enum ReportedScale: Sendable, Hashable {
    /// The resized width over the picture's.
    case widthRatio
    /// The factor before any limit.
    case uncappedFactor
    /// The factor.
    case factor
    /// The factor, by which the picture is sampled too: OpenCV given `fx` and `fy`.
    case samplingFactor
  }

  /// What the shorter side becomes, in pixels.
  public var minimumSide: Int

  /// The most that the longer side may become, in pixels; without limit where it is `nil`.
  public var maximumSide: Int?

  /// How a side becomes a whole number.
  public var rounding: Rounding

  /// How the limit of the longer side is kept.
  public var cap: Cap

  /// What the shorter side becomes.
  public var shorterSide: ShorterSide

  /// Which scale is told.
  public var reportedScale: ReportedScale

  /// Makes a rule; traps on sides below 1.
  public init(
    minimumSide: Int, maximumSide: Int?, rounding: Rounding, cap: Cap = .smallerFactor,
    shorterSide: ShorterSide = .scaled, reportedScale: ReportedScale = .factor
  ) {
    precondition(
      minimumSide >= 1 && maximumSide ?? 1 >= 1,
      "sides of \(minimumSide) and \(String(describing: maximumSide)) pixels")
    self.minimumSide = minimumSide
    self.maximumSide = maximumSide
    self.rounding = rounding
    self.cap = cap
    self.shorterSide = shorterSide
    self.reportedScale = reportedScale
  }

  /// What a picture is resized to.
  ///
  /// - Parameters:
  ///   - size: the picture's size, both sides at least 1.
  ///   - maximumPixels: the most pixels that the resized picture may have. A rule without
  ///     `maximumSide` would make 600 x 39 million pixels of 1 x 65,500.
  /// - Returns: the size, both sides at least 1, and its scale.
  /// - Throws: `ImageError.unusableShape` where the result would be empty or exceed `maximumPixels`.
  public func resizing(
    _ size: PictureSize, maximumPixels: Int = 16 << 20
  ) throws(ImageError) -> Resizing {
    let (height, width) = (size.height, size.width)
    precondition(height >= 1 && width >= 1, "a picture of \(height) rows and \(width) columns")
    let uncapped = Double(minimumSide) / Double(min(height, width))
    let scale =
      rounding == .torchScript
      ? torchScriptScale(size) : scale(uncapped, longer: Double(max(height, width)))
    let sides = (
      height: side(height, scale, uncapped: uncapped, other: width),
      width: side(width, scale, uncapped: uncapped, other: height)
    )
    guard sides.height >= 1, sides.width >= 1, sides.height * sides.width <= Double(maximumPixels)
    else {
      throw .unusableShape(
        width: width, height: height, resizedWidth: sides.width, resizedHeight: sides.height)
    }
    let reported =
      switch reportedScale {
      case .widthRatio: sides.width / Double(width)
      case .uncappedFactor: uncapped
      case .factor, .samplingFactor: scale
      }
    return Resizing(
      PictureSize(height: Int(sides.height), width: Int(sides.width)), scale: reported,
      samplingScale: reportedScale == .samplingFactor ? scale : nil)
  }

  /// `transform.py` divides a number by a tensor, which PyTorch does by a reciprocal.
  private func torchScriptScale(_ size: PictureSize) -> Double {
    func factor(_ limit: Int, _ side: Int) -> Float { 1 / Float(side) * Float(limit) }
    let uncapped = factor(minimumSide, min(size.height, size.width))
    let capped = maximumSide.map { factor($0, max(size.height, size.width)) }
    return Double(min(uncapped, capped ?? uncapped))
  }

  private func scale(_ uncapped: Double, longer: Double) -> Double {
    guard let maximumSide = maximumSide.map(Double.init) else { return uncapped }
    let capped = maximumSide / longer
    switch cap {
    case .smallerFactor: return min(uncapped, capped)
    case .whereSideExceeds: return uncapped * longer > maximumSide ? capped : uncapped
    case .whereRoundedSideExceeds:
      return rounded(uncapped * longer) > maximumSide ? capped : uncapped
    case .secondFactor:
      let side = uncapped * longer
      return side > maximumSide ? uncapped * (maximumSide / side) : uncapped
    }
  }

  private func side(_ side: Int, _ scale: Double, uncapped: Double, other: Int) -> Double {
    let length = Double(side)
    if shorterSide == .zoomed {
      // The detours of scikit-image and SciPy, since each of them rounds in float64.
      let factor = length / (length * scale)
      return rounded(length * (1 / factor))
    }
    let isExact = shorterSide == .exact && side <= other
    guard cap == .secondFactor else {
      return isExact && scale >= uncapped ? Double(minimumSide) : rounded(length * scale)
    }
    // Here rounding comes after the second factor, which multiplies what the first one gave.
    var result = isExact ? Double(minimumSide) : uncapped * length
    let longer = uncapped * Double(max(side, other))
    if let maximumSide, longer > Double(maximumSide) { result *= Double(maximumSide) / longer }
    return rounded(result)
  }

  private func rounded(_ side: Double) -> Double {
    switch rounding {
    case .down, .torchScript: side.rounded(.down)
    case .halfEven: side.rounded(.toNearestOrEven)
    case .halfUp: (side + 0.5).rounded(.down)
    }
  }
}
