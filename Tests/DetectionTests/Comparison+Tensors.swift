import Tensors

/// The largest difference of two arrays, relative to the larger of a value and 1.
///
/// Golden floats are met within 1e-5 of this: float32 has a relative precision of 6e-8, and sums of
/// some hundred terms in another order differ by some ten units in the last place.
func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) { largest, pair in
    let difference = abs(pair.0 - pair.1) / max(1, abs(pair.1))
    return difference.isNaN ? .infinity : max(largest, difference)
  }
}

extension Goldens {
  /// A float32 array with its shape.
  func tensor(_ name: String) throws -> Tensor {
    Tensor(shape: Shape(try shape(name)), values: try floats(name))
  }
}
