extension Array where Element == BoundingBox {
  /// Calls `body` with the boxes as floats: y_min, x_min, y_max, x_max of each in turn.
  func withUnsafeFloats<Result>(
    _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    // Safety: a BoundingBox is four floats and nothing else, so n boxes are 4n bound floats.
    try unsafe withUnsafeBytes { bytes in
      try unsafe body(bytes.assumingMemoryBound(to: Float.self))
    }
  }

  /// Calls `body` with the boxes as floats that may be changed.
  mutating func withUnsafeMutableFloats<Result>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    // Safety: as above.
    try unsafe withUnsafeMutableBytes { bytes in
      try unsafe body(bytes.assumingMemoryBound(to: Float.self))
    }
  }
}
