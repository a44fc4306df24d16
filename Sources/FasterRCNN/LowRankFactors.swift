internal import Compute
internal import Detection
internal import Tensors

/// A matrix W of K x C as a product of K x t and t x C, as near to W as any product of that rank:
/// W's singular value decomposition cut off after t values, which Fast R-CNN compresses its fully
/// connected layers with (Girshick, arXiv:1504.08083, section 3.1).
///
/// The factors are not the decomposition itself, only their product is what it would be: one factor
/// has orthonormal vectors that span what the first t singular vectors span, the other is W seen in
/// their directions. They are found by orthogonal iteration (Golub and Van Loan, Matrix Computations,
/// section 8.2.4) on W's smaller Gram matrix.
struct LowRankFactors {
  // Safety: an operand is made of an array or of the caller's matrix within the closure or the call that keeps
  // them alive, and never outlives it; `MatrixProduct.multiply` holds the counts of all three matrices against
  // their extents. The parts of a basis that `orthonormalise` takes are rows before its block and the block
  // itself, so that what is written overlaps nothing that is read.

  /// K x t, row-major.
  private(set) var left: [Float] = []

  /// t x C, row-major.
  private(set) var right: [Float] = []

  /// The share of W's squares that the product has: 1 is all; NaN, and no factors, where W or its
  /// squares are not finite.
  private(set) var energyShare = 0.0

  /// Rounds at most; each multiplies the error in a direction by (its singular value / the t-th)^2.
  static let roundLimit = 60

  /// Factorises a matrix.
  ///
  /// - Parameters:
  ///   - matrix: W, row-major.
  ///   - rows: K.
  ///   - columns: C.
  ///   - rank: t, at most min(K, C).
  ///   - progress: told after each round how many are done, of `roundLimit` at most.
  /// - Throws: `ComputeError` where the engine refuses.
  init(
    _ matrix: UnsafeBufferPointer<Float>, rows: Int, columns: Int, rank: Int,
    progress: (Int) -> Void = { _ in }
  ) throws(ComputeError) {
    precondition(
      matrix.count == rows * columns && (1...min(rows, columns)).contains(rank),
      "rank \(rank) of \(rows) x \(columns)")
    let isWide = rows <= columns
    let side = min(rows, columns)
    let gram = try unsafe Self.product(
      .init(matrix, stride: columns, isTransposed: !isWide),
      .init(matrix, stride: columns, isTransposed: isWide),
      rows: side, inner: max(rows, columns), columns: side)
    let total = (0..<side).reduce(0.0) { $0 + Double(gram[$1 * side + $1]) }
    guard total.isFinite else {
      energyShare = .nan
      return
    }
    guard total > 0 else {
      (left, right) = (
        [Float](repeating: 0, count: rows * rank), [Float](repeating: 0, count: rank * columns)
      )
      energyShare = 1
      return
    }

    // The vectors are the rows.
    var generator = SplitMix64(seed: 0)
    var basis = (0..<rank * side).map { _ in Float.random(in: -1...1, using: &generator) }
    try Self.orthonormalise(&basis, count: rank, length: side)
    var captured = 0.0
    for round in 1...Self.roundLimit {
      var image = try Self.product(basis, gram, rows: rank, inner: side, columns: side)
      // With G = WWᵀ and orthonormal rows q, the sum of q·Gq is what of W's squares lies along them.
      let now = zip(basis, image).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      progress(round)
      // Another round would bring less than a thousandth of what is missing, or of single precision.
      let isSettled = round > 2 && now - captured < max(1e-3 * (total - now), 1e-6 * total)
      captured = now
      if isSettled { break }
      try Self.orthonormalise(&image, count: rank, length: side)
      basis = image
    }
    energyShare = min(max(captured / total, 0), 1)

    let seen = try unsafe basis.withUnsafeBufferPointer { basis throws(ComputeError) in
      try unsafe isWide
        ? Self.product(
          .init(basis, stride: side), .init(matrix, stride: columns), rows: rank, inner: rows,
          columns: columns)
        : Self.product(
          .init(matrix, stride: columns), .init(basis, stride: side, isTransposed: true),
          rows: rows, inner: columns, columns: rank)
    }
    if isWide {
      right = seen
      left = [Float](repeating: 0, count: rows * rank)
      for (index, value) in basis.enumerated() { left[index % side * rank + index / side] = value }
    } else {
      left = seen
      right = basis
    }
  }

  /// Makes rows orthonormal, in order.
  ///
  /// They go block by block, for speed, first against all before and then within the block, twice, for
  /// the sake of what rounding leaves. A row that those before span becomes zero.
  private static func orthonormalise(
    _ rows: inout [Float], count: Int, length: Int
  ) throws(ComputeError) {
    let blockSize = 32
    for first in stride(from: 0, to: count, by: blockSize) {
      let size = min(blockSize, count - first)
      let before = (first..<first + size).map { norm(rows, $0 * length, length) }
      for _ in 0..<2 {
        if first > 0 {
          try unsafe rows.withUnsafeMutableBufferPointer { rows throws(ComputeError) in
            let done = unsafe UnsafeBufferPointer(rebasing: rows[..<(first * length)])
            let block = unsafe UnsafeMutableBufferPointer(
              rebasing: rows[first * length..<(first + size) * length])
            let shares = try unsafe product(
              .init(UnsafeBufferPointer(block), stride: length),
              .init(done, stride: length, isTransposed: true), rows: size, inner: length,
              columns: first)
            try unsafe shares.withUnsafeBufferPointer { shares throws(ComputeError) in
              try unsafe MatrixProduct.multiply(
                .init(shares, stride: first), .init(done, stride: length), rows: size, inner: first,
                columns: length, into: block, .subtract)
            }
          }
        }
        for row in 0..<size {
          let start = (first + row) * length
          for other in 0..<row {
            let otherStart = (first + other) * length
            let share = Float(
              (0..<length).reduce(0.0) {
                $0 + Double(rows[start + $1]) * Double(rows[otherStart + $1])
              })
            for index in 0..<length {
              rows[start + index] -= share * rows[otherStart + index]
            }
          }
          let size = norm(rows, start, length)
          // Single precision leaves so much of a row that is a sum of others.
          let isSpanned = size <= 1e-5 * before[row]
          let factor = isSpanned ? 0 : 1 / size
          for index in start..<start + length {
            rows[index] = Float(Double(rows[index]) * factor)
          }
        }
      }
    }
  }

  private static func norm(_ values: [Float], _ start: Int, _ count: Int) -> Double {
    (start..<start + count).reduce(0.0) { $0 + Double(values[$1]) * Double(values[$1]) }
      .squareRoot()
  }

  private static func product(
    _ first: [Float], _ second: [Float], rows: Int, inner: Int, columns: Int
  ) throws(ComputeError) -> [Float] {
    try unsafe first.withUnsafeBufferPointer { first throws(ComputeError) in
      try unsafe second.withUnsafeBufferPointer { second throws(ComputeError) in
        try unsafe product(
          .init(first, stride: inner), .init(second, stride: columns), rows: rows, inner: inner,
          columns: columns)
      }
    }
  }

  private static func product(
    _ first: MatrixProduct.Operand, _ second: MatrixProduct.Operand, rows: Int, inner: Int,
    columns: Int
  ) throws(ComputeError) -> [Float] {
    var result = [Float](repeating: 0, count: rows * columns)
    try unsafe result.withUnsafeMutableBufferPointer { result throws(ComputeError) in
      try unsafe MatrixProduct.multiply(
        first, second, rows: rows, inner: inner, columns: columns, into: result)
    }
    return result
  }
}
