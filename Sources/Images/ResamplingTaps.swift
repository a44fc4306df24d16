import Glibc

/// Which source samples, with which weights, make each sample of a resized row or column.
///
/// The samples of one output are always `width` neighbours, all within the source. Border rules
/// (mirror, clamp, cut off) are worked into the weights, so the inner loops know none.
struct ResamplingTaps {
  /// The index of the first source sample of each output.
  let first: [Int]
  /// Weight `width * i + k` belongs to source sample `first[i] + k` of output i.
  let weights: [Double]
  /// The source samples that each output has, some of them with weight 0; at most as many as there are.
  let width: Int

  /// Makes the taps of one axis.
  ///
  /// - Parameters:
  ///   - interpolation: the family's sampling.
  ///   - count: the number of source samples, at least 1.
  ///   - resizedCount: the number of outputs, at least 1.
  ///   - step: source samples to one output where that is not `count / resizedCount`.
  init(
    interpolation: Preprocessing.Interpolation, count: Int, resizedCount: Int, step: Double? = nil
  ) {
    let step = step ?? Double(count) / Double(resizedCount)
    switch interpolation {
    case .skimageLinear:
      self.init(linear: resizedCount, count: count) { index in
        let position = (Double(index) + 0.5) * step - 0.5
        // Mirrored about the centres of the border samples; half a sample beyond them at most.
        if position < 0 { return -position }
        return min(position, 2 * Double(count - 1) - position)
      }
    // Of bytes OpenCV makes its own weights (`OpenCVByteResampler`); these are where they come from.
    case .openCVLinear, .openCVLinearBytes:
      self.init(linear: resizedCount, count: count) { index in
        (Double(index) + 0.5) * step - 0.5
      }
    case .torchBilinear:
      self.init(linear: resizedCount, count: count) { index in
        let step = Float(count) / Float(resizedCount)
        return Double(step * (Float(index) + 0.5) - 0.5)
      }
    case .pillowBilinear, .pillowBilinearFloat:
      self.init(filter: Self.triangle, support: 1, count: count, resizedCount: resizedCount)
    case .pillowBicubic:
      self.init(filter: Self.catmullRom, support: 2, count: count, resizedCount: resizedCount)
    }
  }

  /// Two neighbours, weighted by their distance; positions outside are clamped to the border.
  private init(linear resizedCount: Int, count: Int, position: (Int) -> Double) {
    width = min(count, 2)
    var first: [Int] = []
    var weights: [Double] = []
    for index in 0..<resizedCount {
      let position = min(max(position(index), 0), Double(count - 1))
      // The last sample has no right neighbour, so its left one is taken with weight 0.
      let left = max(0, min(Int(position), count - 2))
      let fraction = position - Double(left)
      first.append(left)
      weights.append(1 - fraction)
      if width == 2 { weights.append(fraction) }
    }
    self.first = first
    self.weights = weights
  }

  /// Pillow's convolution: the filter is stretched by the step where the picture shrinks.
  ///
  /// The order of operations in float64 is that of Pillow, `src/libImaging/Resample.c`,
  /// `precompute_coeffs`; another order moves weights across the rounding to fixed point.
  private init(
    filter: (Double) -> Double, support: Double, count: Int, resizedCount: Int
  ) {
    let step = Double(count) / Double(resizedCount)
    let filterScale = max(step, 1)
    let reach = support * filterScale
    let inverse = 1 / filterScale
    let windows = (0..<resizedCount).map { index in
      let centre = (Double(index) + 0.5) * step
      let low = max(0, Int(centre - reach + 0.5))
      return (centre: centre, samples: low..<min(count, Int(centre + reach + 0.5)))
    }
    width = windows.reduce(1) { max($0, $1.samples.count) }
    var first: [Int] = []
    var weights = [Double](repeating: 0, count: width * resizedCount)
    for (index, (centre, samples)) in windows.enumerated() {
      // A window at the end is widened to the left, with weights of 0.
      let start = min(samples.lowerBound, count - width)
      var sum = 0.0
      for sample in samples {
        let weight = filter((Double(sample) - centre + 0.5) * inverse)
        weights[width * index + sample - start] = weight
        sum += weight
      }
      if sum != 0 {
        for sample in samples { weights[width * index + sample - start] /= sum }
      }
      first.append(start)
    }
    self.first = first
    self.weights = weights
  }

  private static func triangle(_ x: Double) -> Double { max(0, 1 - abs(x)) }

  /// Keys, "Cubic convolution interpolation", 1981, with a = -0.5.
  private static func catmullRom(_ x: Double) -> Double {
    let a = -0.5
    let x = abs(x)
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
    return 0
  }
}
