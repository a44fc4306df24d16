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

/// How large a family makes a picture before its network sees it.
///
/// All families bring the shorter side to `minimumSide` unless the longer one would then exceed
/// `maximumSide`; they differ in how they round, and a row more or less moves every anchor.
public struct ResizeRule: Sendable, Hashable {
  /// How the sides become whole numbers.
  public enum Rounding: String, Sendable, CaseIterable {
    /// Half to even, after `skimage.transform.resize` and `scipy.ndimage.zoom` (scikit-image 0.19 and
    /// newer): simple-faster-rcnn, `data/dataset.py`, `preprocess`. The scale is that of the widths.
    case skimage
    /// Down: ChainerCV, `faster_rcnn.py`, `FasterRCNN.prepare`. The scale is that of the widths.
    case chainerCV
    /// The shorter side is `minimumSide` itself, the longer one is rounded down:
    /// faster-rcnn-pytorch of bubbliiiing, `utils/utils.py`, `get_new_img_size`.
    case bubbliiiing
    /// Half to even, as `cv2.resize` rounds for `fx` and `fy`; the limit holds for the rounded longer
    /// side: py-faster-rcnn, `lib/utils/blob.py`, `prep_im_for_blob`.
    case openCV
    /// Half up: detectron2, `transforms/augmentation_impl.py`, `ResizeShortestEdge`.
    case detectron2
    /// Down: torchvision, `models/detection/transform.py`, `_resize_image_and_masks`, not scripted.
    case torchvision
  }

  /// What the shorter side becomes, in pixels.
  public var minimumSide: Int

  /// The most that the longer side may become, in pixels; without limit where it is `nil`.
  public var maximumSide: Int?

  /// How the sides become whole numbers.
  public var rounding: Rounding

  /// Makes a rule; traps on sides below 1.
  public init(minimumSide: Int, maximumSide: Int?, rounding: Rounding) {
    precondition(
      minimumSide >= 1 && maximumSide ?? 1 >= 1,
      "sides of \(minimumSide) and \(String(describing: maximumSide)) pixels")
    self.minimumSide = minimumSide
    self.maximumSide = maximumSide
    self.rounding = rounding
  }

  /// The size that a picture is resized to.
  ///
  /// - Parameters:
  ///   - size: the picture's size, both sides at least 1.
  ///   - maximumPixels: the most pixels that the resized picture may have. A family without
  ///     `maximumSide` would make 600 x 39 million pixels of 1 x 65,500.
  /// - Returns: the size, both sides at least 1, and its scale.
  /// - Throws: `ImageError.unusableShape` where the result would be empty or exceed `maximumPixels`.
  public func resizing(
    _ size: PictureSize, maximumPixels: Int = 16 << 20
  ) throws(ImageError) -> Resizing {
    let (height, width) = (size.height, size.width)
    precondition(height >= 1 && width >= 1, "a picture of \(height) rows and \(width) columns")
    let (rows, columns) = (Double(height), Double(width))
    let scale = scale(shorter: min(height, width), longer: max(height, width))
    let sides = (height: side(height, scale, of: width), width: side(width, scale, of: height))
    guard sides.height >= 1, sides.width >= 1, sides.height * sides.width <= Double(maximumPixels)
    else {
      throw .unusableShape(
        width: width, height: height, resizedWidth: sides.width, resizedHeight: sides.height)
    }
    let reported: Double
    switch rounding {
    case .skimage, .chainerCV: reported = sides.width / columns
    case .bubbliiiing: reported = Double(minimumSide) / min(rows, columns)
    case .openCV, .detectron2, .torchvision: reported = scale
    }
    return Resizing(
      PictureSize(height: Int(sides.height), width: Int(sides.width)), scale: reported,
      samplingScale: rounding == .openCV ? scale : nil)
  }

  private func scale(shorter: Int, longer: Int) -> Double {
    let scale = Double(minimumSide) / Double(shorter)
    guard let maximumSide = maximumSide.map(Double.init) else { return scale }
    let cap = maximumSide / Double(longer)
    switch rounding {
    case .skimage, .torchvision, .bubbliiiing: return min(scale, cap)
    case .chainerCV: return scale * Double(longer) > maximumSide ? cap : scale
    case .openCV:
      return (scale * Double(longer)).rounded(.toNearestOrEven) > maximumSide ? cap : scale
    case .detectron2:
      // Here the longer side is brought to the limit by a second factor.
      let side = scale * Double(longer)
      return side > maximumSide ? scale * (maximumSide / side) : scale
    }
  }

  private func side(_ side: Int, _ scale: Double, of other: Int) -> Double {
    let length = Double(side)
    switch rounding {
    case .skimage:
      // The detours of the two libraries, since each of them rounds in float64.
      let factor = length / (length * scale)
      return (length * (1 / factor)).rounded(.toNearestOrEven)
    case .chainerCV, .torchvision: return (length * scale).rounded(.down)
    case .bubbliiiing:
      let isCapped = scale < Double(minimumSide) / Double(min(side, other))
      return side <= other && !isCapped ? Double(minimumSide) : (scale * length).rounded(.down)
    case .openCV: return (length * scale).rounded(.toNearestOrEven)
    case .detectron2:
      let uncapped = Double(minimumSide) / Double(min(side, other))
      var result = side <= other ? Double(minimumSide) : uncapped * length
      let longer = uncapped * Double(max(side, other))
      if let maximumSide, longer > Double(maximumSide) {
        result *= Double(maximumSide) / longer
      }
      return (result + 0.5).rounded(.down)
    }
  }
}
