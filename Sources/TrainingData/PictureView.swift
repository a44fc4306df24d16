internal import Detection

internal import Images
internal import Tensors

/// Which part of a picture is seen, and from which side: a window of the picture's own proportions that is
/// enlarged or reduced to its size.
struct PictureView {
  /// An object of which less is seen than this share of its area is not there any more.
  static let keptShare: Float = 0.5

  /// No window is taken that leaves of an object more than this and less than `keptShare`: a half-seen
  /// object is neither one to be found nor background.
  static let goneShare: Float = 0.1

  /// How often a window is drawn before the whole picture is taken.
  static let maximumTryCount = 20

  /// What stands around a picture that is seen from further away: ImageNet's mean, which the
  /// normalisation of most families makes nearly zero.
  static let surround: (UInt8, UInt8, UInt8) = (124, 116, 104)

  let size: PictureSize
  var isMirrored = false
  var isUpsideDown = false

  /// The window, in pixels of the picture.
  private(set) var window: (x: Double, y: Double, width: Double, height: Double)

  /// Sees the whole picture.
  init(size: PictureSize) {
    self.size = size
    window = (0, 0, Double(size.width), Double(size.height))
  }

  /// Draws a window that cuts no object in two and keeps one, where the picture has any; the whole picture
  /// stays where none is found.
  ///
  /// - Parameters:
  ///   - side: the window's sides, as a share of the picture's; above 1 the picture lies within it.
  ///   - boxes: the objects.
  ///   - generator: what draws the place.
  mutating func chooseWindow(
    side: Double, keeping boxes: [BoundingBox], using generator: inout SplitMix64
  ) {
    guard side != 1 else { return }
    let whole = window
    for _ in 0..<Self.maximumTryCount {
      let (width, height) = (whole.width * side, whole.height * side)
      window = (
        generator.unit() * (whole.width - width), generator.unit() * (whole.height - height),
        width, height
      )
      let shares = boxes.map(visibleShare)
      if shares.allSatisfy({ $0 <= Self.goneShare || $0 >= Self.keptShare }),
        boxes.isEmpty || shares.contains(where: { $0 >= Self.keptShare })
      {
        return
      }
    }
    window = whole
  }

  /// The share of a box's area that lies in the window.
  private func visibleShare(_ box: BoundingBox) -> Float {
    let area = box.width * box.height
    guard area > 0 else { return 0 }
    let seen = placed(box).clipped(to: size)
    let scale = Float(Double(size.width) / window.width * (Double(size.height) / window.height))
    return max(seen.width, 0) * max(seen.height, 0) / (area * scale)
  }

  /// Where a box is seen; `nil` where too little of it is.
  func box(of box: BoundingBox) -> BoundingBox? {
    guard visibleShare(box) >= Self.keptShare else { return nil }
    let seen = placed(box).clipped(to: size)
    return seen.width > 0 && seen.height > 0 ? seen : nil
  }

  private func placed(_ box: BoundingBox) -> BoundingBox {
    let (height, width) = (Double(size.height), Double(size.width))
    func x(_ value: Float) -> Float { Float((Double(value) - window.x) * width / window.width) }
    func y(_ value: Float) -> Float { Float((Double(value) - window.y) * height / window.height) }
    var result = BoundingBox(
      yMin: y(box.yMin), xMin: x(box.xMin), yMax: y(box.yMax), xMax: x(box.xMax))
    if isMirrored {
      (result.xMin, result.xMax) = (Float(width) - result.xMax, Float(width) - result.xMin)
    }
    if isUpsideDown {
      (result.yMin, result.yMax) = (Float(height) - result.yMax, Float(height) - result.yMin)
    }
    return result
  }

  // MARK: Pixels

  /// Where the pixels of a row or column come from: two neighbours and the second one's weight of 256.
  private struct Taps {
    var first: [Int]
    var second: [Int]
    var weight: [Int]

    /// - Parameters:
    ///   - count: the pixels, before and after.
    ///   - start: where the window begins.
    ///   - length: how long it is.
    ///   - isReversed: whether the last pixel comes first.
    init(count: Int, start: Double, length: Double, isReversed: Bool) {
      (first, second, weight) = ([], [], [])
      let step = length / Double(count)
      for target in 0..<count {
        let index = isReversed ? count - 1 - target : target
        let place = start + (Double(index) + 0.5) * step - 0.5
        guard place >= -0.5, place <= Double(count) - 0.5 else {
          first.append(-1)
          second.append(-1)
          weight.append(0)
          continue
        }
        let low = place.rounded(.down)
        first.append(min(max(Int(low), 0), count - 1))
        second.append(min(max(Int(low) + 1, 0), count - 1))
        weight.append(Int(((place - low) * 256).rounded()))
      }
    }
  }

  /// The picture as it is seen; pixels between others are weighed linearly.
  func image(of image: Image, tones: ToneTable) -> Image {
    precondition(image.size == size, "\(image.size) in a view of \(size)")
    let columns = Taps(
      count: size.width, start: window.x, length: window.width, isReversed: isMirrored)
    let rows = Taps(
      count: size.height, start: window.y, length: window.height, isReversed: isUpsideDown)
    let (width, height) = (size.width, size.height)
    let surround = [Self.surround.0, Self.surround.1, Self.surround.2]
    let pixels = unsafe [UInt8](unsafeUninitializedCapacity: 3 * width * height) { target, count in
      // Safety: `first` and `second` are below the extents or -1, which is asked about; a picture has
      // 3 samples a pixel, a table 256 entries a channel; every sample of the target is written.
      unsafe image.pixels.withUnsafeBufferPointer { source in
        unsafe tones.entries.withUnsafeBufferPointer { tones in
          unsafe columns.first.withUnsafeBufferPointer { first in
            unsafe columns.second.withUnsafeBufferPointer { second in
              unsafe columns.weight.withUnsafeBufferPointer { weight in
                var index = 0
                for y in 0..<height {
                  let (upper, lower, below) = (rows.first[y], rows.second[y], rows.weight[y])
                  for x in 0..<width {
                    let left = unsafe first[x]
                    guard upper >= 0, left >= 0 else {
                      for channel in 0..<3 {
                        unsafe target[index + channel] = surround[channel]
                      }
                      index += 3
                      continue
                    }
                    let right = unsafe second[x]
                    let beside = unsafe weight[x]
                    let (a, b) = (3 * (upper * width + left), 3 * (upper * width + right))
                    let (c, d) = (3 * (lower * width + left), 3 * (lower * width + right))
                    for channel in 0..<3 {
                      let top =
                        unsafe Int(source[a + channel]) * (256 - beside)
                        + Int(source[b + channel]) * beside
                      let bottom =
                        unsafe Int(source[c + channel]) * (256 - beside)
                        + Int(source[d + channel]) * beside
                      let sample = (top * (256 - below) + bottom * below + 32_768) >> 16
                      unsafe target[index + channel] = tones[256 * channel + sample]
                    }
                    index += 3
                  }
                }
              }
            }
          }
        }
      }
      count = 3 * width * height
    }
    return Image(width: width, height: height, pixels: pixels)
  }
}

/// What becomes of each sample of each channel: other light, other colours.
struct ToneTable {
  /// 256 entries for red, then green, then blue.
  let entries: [UInt8]

  /// Draws a table.
  init(brightness: Double, colour: Double, using generator: inout SplitMix64) {
    let light = 1 + generator.number(in: -brightness...brightness)
    // A shift as well, which a dirty lens or another exposure gives.
    let shift = 255 * generator.number(in: -brightness...brightness) / 4
    var entries: [UInt8] = []
    for _ in 0..<3 {
      let gain = light * (1 + generator.number(in: -colour...colour))
      entries += (0..<256).map { UInt8(min(max((Double($0) * gain + shift).rounded(), 0), 255)) }
    }
    self.entries = entries
  }
}
