public import Tensors

/// What is done to a picture before the network sees it: resize, order the channels, normalise.
///
/// Written values are `(sample / divisor - mean) / standardDeviation` for each channel. Linear
/// interpolation commutes with that, so the result is the same, but for the last bits, whether a
/// family normalises before or after it resizes.
public struct Preprocessing: Sendable, Hashable {
  /// How a resized picture is sampled.
  public enum Interpolation: String, Sendable, CaseIterable {
    /// `skimage.transform.resize(order=1, mode="reflect", anti_aliasing=False)`, 0.19 and newer: two
    /// neighbours in each direction, mirrored about the centre of the border pixel.
    case skimageLinear
    /// `cv2.resize(INTER_LINEAR)` on float32: two neighbours in each direction, clamped at the border.
    case openCVLinear
    /// `cv2.resize(INTER_LINEAR)` on bytes: the same in fixed point, and the mean of four pixels where
    /// both sides are halved.
    case openCVLinearBytes
    /// `torch.nn.functional.interpolate(mode="bilinear", align_corners=False, antialias=False)`: as
    /// OpenCV's, with positions in float32.
    case torchBilinear
    /// `PIL.Image.resize(BILINEAR)` on bytes: a triangle as wide as a resized pixel, fixed point.
    case pillowBilinear
    /// `PIL.Image.resize(BICUBIC)` on bytes: Catmull-Rom (a = -0.5), fixed point.
    case pillowBicubic
    /// `PIL.Image.resize(BILINEAR)` on float32 planes (mode F): the triangle without rounding.
    case pillowBilinearFloat
  }

  /// Which channel comes first.
  public enum ChannelOrder: String, Sendable, CaseIterable {
    /// Red, green, blue.
    case rgb
    /// Blue, green, red.
    case bgr
  }

  /// How a resized picture is sampled.
  public var interpolation: Interpolation

  /// Which channel comes first.
  public var channelOrder: ChannelOrder

  /// What samples (0 to 255) are divided by, 255 or 1.
  public var divisor: Float

  /// What is subtracted then, one value a channel in the order of `channelOrder`.
  public var mean: SIMD3<Float>

  /// What divides then, one value a channel in the order of `channelOrder`.
  public var standardDeviation: SIMD3<Float>

  /// Makes a preprocessing.
  public init(
    interpolation: Interpolation, channelOrder: ChannelOrder = .rgb, divisor: Float = 255,
    mean: SIMD3<Float> = .zero, standardDeviation: SIMD3<Float> = .one
  ) {
    self.interpolation = interpolation
    self.channelOrder = channelOrder
    self.divisor = divisor
    self.mean = mean
    self.standardDeviation = standardDeviation
  }

  /// Resizes and normalises a picture in one pass; nothing of the resized picture's size is allocated.
  ///
  /// A picture that already has the size is only normalised, and its values are then bit for bit those
  /// of float32 arithmetic.
  ///
  /// - Parameters:
  ///   - image: the picture.
  ///   - resizing: what to resize it to, at least 1 x 1.
  ///   - layout: one picture of three channels, planar or interleaved, at least as large as the
  ///     resized one; where it is larger, zeros follow at the right and below.
  ///   - destination: room for exactly the layout's elements; traps on another count.
  public func write(
    _ image: Image, resizedTo resizing: Resizing, layout: ChannelLayout,
    into destination: UnsafeMutableBufferPointer<Float>
  ) {
    let size = resizing.size
    precondition(size.height >= 1 && size.width >= 1, "\(size.height) x \(size.width) pixels")
    precondition(
      layout.imageCount == 1 && layout.channelCount == 3 && [1, 3].contains(layout.channelBlock)
        && layout.height >= size.height && layout.width >= size.width,
      "\(layout) holds no \(size.height) x \(size.width) picture")
    precondition(
      destination.count == layout.elementCount,
      "\(destination.count) values are no 3 x \(layout.height) x \(layout.width)")
    precondition(image.width >= 1 && image.height >= 1, "\(image.width) x \(image.height) pixels")
    let table = NormalisationTable(self)
    let output = unsafe OutputRows(size: size, layout: layout, destination: destination)
    unsafe output.clearPadding(below: size.height, of: layout.height)
    // Every library copies here, OpenCV also where it was given a factor a little off 1.
    if size.height == image.height, size.width == image.width {
      unsafe normalise(image, table: table, into: output)
      return
    }
    let step = resizing.samplingScale.map { 1 / $0 }
    func makeTaps(_ count: Int, _ resizedCount: Int) -> ResamplingTaps {
      ResamplingTaps(
        interpolation: interpolation, count: count, resizedCount: resizedCount, step: step)
    }
    switch interpolation {
    case .openCVLinearBytes:
      unsafe OpenCVByteResampler(source: image.size, resized: size)
        .run(image, table: table, into: output)
    case .pillowBilinear, .pillowBicubic:
      unsafe ByteResampler(
        rows: makeTaps(image.height, size.height), columns: makeTaps(image.width, size.width)
      ).run(image, table: table, into: output)
    case .skimageLinear, .openCVLinear, .torchBilinear, .pillowBilinearFloat:
      unsafe FloatResampler(
        rows: makeTaps(image.height, size.height), columns: makeTaps(image.width, size.width)
      ).run(image, table: table, into: output)
    }
  }

  /// The values that `write` writes, in a new array; planar and without padding unless `layout` says
  /// otherwise.
  public func values(
    of image: Image, resizedTo resizing: Resizing, layout: ChannelLayout? = nil
  ) -> [Float] {
    let layout =
      layout
      ?? ChannelLayout(
        channelCount: 3, height: resizing.size.height, width: resizing.size.width)
    let count = layout.elementCount
    return unsafe [Float](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      unsafe write(
        image, resizedTo: resizing, layout: layout,
        into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      initializedCount = count
    }
  }

  private func normalise(_ image: Image, table: NormalisationTable, into output: OutputRows) {
    let rowCount = 3 * image.width
    unsafe image.pixels.withUnsafeBufferPointer { pixels in
      for y in 0..<image.height {
        // Safety: `Image` holds 3 bytes for each of its pixels, so row y ends within it.
        let row = unsafe UnsafeBufferPointer(rebasing: pixels[y * rowCount..<(y + 1) * rowCount])
        unsafe table.write(row, into: output, y: y)
      }
    }
  }
}

/// The normalised value of each of the 256 samples, for each channel of the output.
///
/// 3 KiB that stay in the first-level cache, and exact by construction: each entry is computed as the
/// families compute it, in float32.
struct NormalisationTable {
  /// Entry `256 * channel + sample`, channels in the order of the output.
  let values: [Float]
  /// Where each channel of the output lies in an RGB pixel.
  let sources: (Int, Int, Int)

  init(_ preprocessing: Preprocessing) {
    var values: [Float] = []
    values.reserveCapacity(3 * 256)
    for channel in 0..<3 {
      for sample in 0..<256 {
        values.append(
          (Float(sample) / preprocessing.divisor - preprocessing.mean[channel])
            / preprocessing.standardDeviation[channel])
      }
    }
    self.values = values
    sources = preprocessing.channelOrder == .rgb ? (0, 1, 2) : (2, 1, 0)
  }

  /// Writes the normalised values of one row of RGB bytes.
  func write(_ row: UnsafeBufferPointer<UInt8>, into output: OutputRows, y: Int) {
    let width = unsafe output.width
    precondition(row.count == 3 * width, "\(row.count) bytes for \(width) pixels")
    let first = unsafe output.row(y, channel: 0)
    let second = unsafe output.row(y, channel: 1)
    let third = unsafe output.row(y, channel: 2)
    let step = unsafe output.pixelStep
    unsafe values.withUnsafeBufferPointer { table in
      // Safety: a sample is below 256 and a channel below 3, so `table` has the entry; `row` has 3
      // bytes for each of the `width` pixels, checked above, and each output row `width` values.
      for x in 0..<width {
        unsafe first[x * step] = table[Int(row[3 * x + sources.0])]
        unsafe second[x * step] = table[256 + Int(row[3 * x + sources.1])]
        unsafe third[x * step] = table[512 + Int(row[3 * x + sources.2])]
      }
    }
  }
}

/// Where the rows of the normalised picture begin.
@unsafe struct OutputRows {
  /// The pixels of a row, without padding.
  let width: Int
  /// Values from a pixel to the next one in its row.
  let pixelStep: Int
  private let rowStep: Int
  private let channelStep: Int
  /// The pixels of a row, with padding.
  private let paddedWidth: Int
  private let base: UnsafeMutablePointer<Float>

  /// Safety: the caller has checked that `destination` has room for the layout's elements, and that
  /// the layout has room for the size.
  init(
    size: PictureSize, layout: ChannelLayout, destination: UnsafeMutableBufferPointer<Float>
  ) {
    guard let base = destination.baseAddress else { preconditionFailure("an empty destination") }
    unsafe (self.base = base)
    unsafe width = size.width
    unsafe paddedWidth = layout.width
    if layout.channelBlock == 1 {
      unsafe (pixelStep, rowStep, channelStep) = (1, layout.width, layout.width * layout.height)
    } else {
      unsafe (pixelStep, rowStep, channelStep) = (3, 3 * layout.width, 1)
    }
  }

  /// Writes zeros at the right of each row, and in the rows from `height` to `paddedHeight`.
  func clearPadding(below height: Int, of paddedHeight: Int) {
    for y in 0..<paddedHeight {
      let start = unsafe y < height ? width : 0
      guard unsafe start < paddedWidth else { continue }
      for channel in 0..<3 {
        let row = unsafe self.row(y, channel: channel)
        for x in unsafe start..<paddedWidth { unsafe row[x * pixelStep] = 0 }
      }
    }
  }

  func row(_ y: Int, channel: Int) -> UnsafeMutablePointer<Float> {
    unsafe base + (y * rowStep + channel * channelStep)
  }
}
