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

  /// How channels lie in memory.
  public enum Layout: Sendable, CaseIterable {
    /// (C, H, W): a plane for each channel.
    case planar
    /// (H, W, C): the three channels of a pixel side by side.
    case interleaved
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
  ///   - size: what to resize it to, at least 1 x 1.
  ///   - layout: how the channels lie in `destination`.
  ///   - destination: room for exactly `3 * size.height * size.width` values; traps on another count.
  public func write(
    _ image: Image, resizedTo size: ResizedSize, layout: Layout = .planar,
    into destination: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(size.height >= 1 && size.width >= 1, "\(size.height) x \(size.width) pixels")
    precondition(
      destination.count == 3 * size.height * size.width,
      "\(destination.count) values are no 3 x \(size.height) x \(size.width)")
    precondition(image.width >= 1 && image.height >= 1, "\(image.width) x \(image.height) pixels")
    let table = NormalisationTable(self)
    let output = unsafe OutputRows(size: size, layout: layout, destination: destination)
    // Every library copies here, OpenCV also where it was given a factor a little off 1.
    if size.height == image.height, size.width == image.width {
      unsafe normalise(image, table: table, into: output)
      return
    }
    let step = size.samplingScale.map { 1 / $0 }
    func makeTaps(_ count: Int, _ resizedCount: Int) -> ResamplingTaps {
      ResamplingTaps(
        interpolation: interpolation, count: count, resizedCount: resizedCount, step: step)
    }
    let rows = makeTaps(image.height, size.height)
    let columns = makeTaps(image.width, size.width)
    switch interpolation {
    case .pillowBilinear, .pillowBicubic:
      unsafe ByteResampler(rows: rows, columns: columns).run(image, table: table, into: output)
    case .skimageLinear, .openCVLinear, .torchBilinear, .pillowBilinearFloat:
      unsafe FloatResampler(rows: rows, columns: columns).run(image, table: table, into: output)
    }
  }

  /// The values that `write` writes, in a new array.
  public func values(
    of image: Image, resizedTo size: ResizedSize, layout: Layout = .planar
  ) -> [Float] {
    let count = 3 * size.height * size.width
    return unsafe [Float](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      unsafe write(
        image, resizedTo: size, layout: layout,
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
  let width: Int
  /// Values from a pixel to the next one in its row.
  let pixelStep: Int
  private let rowStep: Int
  private let channelStep: Int
  private let base: UnsafeMutablePointer<Float>

  /// Safety: the caller has checked that `destination` has room for `3 * height * width` values.
  init(
    size: ResizedSize, layout: Preprocessing.Layout,
    destination: UnsafeMutableBufferPointer<Float>
  ) {
    guard let base = destination.baseAddress else { preconditionFailure("an empty destination") }
    unsafe (self.base = base)
    unsafe width = size.width
    switch layout {
    case .planar:
      unsafe (pixelStep, rowStep, channelStep) = (1, size.width, size.width * size.height)
    case .interleaved: unsafe (pixelStep, rowStep, channelStep) = (3, 3 * size.width, 1)
    }
  }

  func row(_ y: Int, channel: Int) -> UnsafeMutablePointer<Float> {
    unsafe base + (y * rowStep + channel * channelStep)
  }
}
