internal import Tensors

/// Resizes bytes as `cv2.resize(INTER_LINEAR)` does: rows first, then columns, in fixed point, without
/// widening the filter where the picture shrinks.
///
/// Source: OpenCV, `modules/imgproc/src/resize.cpp`: `resizeGeneric_` with `HResizeLinear` and
/// `VResizeLinear` of bytes, and `ResizeAreaFastVec` where both sides are halved. The results are the
/// same bit for bit, borders included: an outer column is read with its whole weight, an outer row
/// twice, with each weight cut off by itself.
struct OpenCVByteResampler {
  /// The fraction bits of a weight.
  private static let precision: Float = 2048

  /// Two neighbours of one axis and their weights.
  private struct Tap {
    var first, second: Int
    var weights: (Int32, Int32)

    /// The neighbours of an output, not yet within the source.
    init(_ index: Int, step: Double) {
      let position = Float((Double(index) + 0.5) * step - 0.5)
      let floor = position.rounded(.down)
      let fraction = position - floor
      (first, second) = (Int(floor), Int(floor) + 1)
      weights = (Self.fixedPoint(1 - fraction), Self.fixedPoint(fraction))
    }

    private static func fixedPoint(_ weight: Float) -> Int32 {
      Int32((weight * precision).rounded(.toNearestOrEven))
    }
  }

  private let rows: [Tap]
  private let columns: [Tap]
  private let isHalving: Bool

  init(source: PictureSize, resized: PictureSize) {
    isHalving = source.height == 2 * resized.height && source.width == 2 * resized.width
    // OpenCV divides by the quotient of the sizes instead of multiplying by the other one.
    func step(_ side: Int, _ resized: Int) -> Double { 1 / (Double(resized) / Double(side)) }
    let (rowStep, columnStep) = (
      step(source.height, resized.height), step(source.width, resized.width)
    )
    rows = (0..<resized.height).map { index in
      var tap = Tap(index, step: rowStep)
      tap.first = min(max(tap.first, 0), source.height - 1)
      tap.second = min(max(tap.second, 0), source.height - 1)
      return tap
    }
    columns = (0..<resized.width).map { index in
      var tap = Tap(index, step: columnStep)
      if tap.first < 0 || tap.second >= source.width {
        tap.first = min(max(tap.first, 0), source.width - 1)
        tap.second = tap.first
        tap.weights = (Int32(Self.precision), 0)
      }
      return tap
    }
  }

  func run(_ image: Image, table: NormalisationTable, into output: OutputRows) {
    let width = columns.count
    var bytes = [UInt8](repeating: 0, count: 3 * width)
    var slots = [[Int32](repeating: 0, count: 3 * width), [Int32](repeating: 0, count: 3 * width)]
    var held = [-1, -1]
    for y in rows.indices {
      if isHalving {
        average(image, y: y, into: &bytes)
      } else {
        let tap = rows[y]
        for row in [tap.first, tap.second] where held[row & 1] != row {
          resize(image, row: row, into: &slots[row & 1])
          held[row & 1] = row
        }
        let (upper, lower) = (slots[tap.first & 1], slots[tap.second & 1])
        let (a, b) = tap.weights
        for x in bytes.indices {
          // Truncated twice, then rounded: as the vector code of OpenCV has it.
          let sum = ((a &* (upper[x] &>> 4)) &>> 16) &+ ((b &* (lower[x] &>> 4)) &>> 16)
          bytes[x] = UInt8(truncatingIfNeeded: min(max((sum &+ 2) &>> 2, 0), 255))
        }
      }
      unsafe bytes.withUnsafeBufferPointer { unsafe table.write($0, into: output, y: y) }
    }
  }

  private func resize(_ image: Image, row: Int, into target: inout [Int32]) {
    let start = 3 * image.width * row
    let source = image.pixels.span.extracting(start..<start + 3 * image.width)
    for (x, tap) in columns.enumerated() {
      let (first, second) = (3 * tap.first, 3 * tap.second)
      for channel in 0..<3 {
        target[3 * x + channel] =
          tap.weights.0 &* Int32(source[first + channel])
          &+ tap.weights.1 &* Int32(source[second + channel])
      }
    }
  }

  /// The mean of four pixels, halves up.
  private func average(_ image: Image, y: Int, into target: inout [UInt8]) {
    let step = 3 * image.width
    let source = image.pixels.span.extracting(2 * y * step..<2 * (y + 1) * step)
    for x in columns.indices {
      for channel in 0..<3 {
        let place = 6 * x + channel
        let sum =
          UInt16(source[place]) + UInt16(source[place + 3]) + UInt16(source[place + step])
          + UInt16(source[place + step + 3])
        target[3 * x + channel] = UInt8(truncatingIfNeeded: (sum + 2) >> 2)
      }
    }
  }
}
