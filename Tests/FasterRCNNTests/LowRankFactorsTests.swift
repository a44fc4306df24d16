import Foundation
import Testing

@testable import FasterRCNN

/// Matrices whose singular values are known because they are made of them.
struct LowRankFactorsTests {
  /// The vectors of the discrete cosine transform (DCT-II): orthonormal by construction.
  static func cosineVector(_ index: Int, count: Int) -> [Double] {
    let scale = (index == 0 ? 1 : 2.0.squareRoot()) / Double(count).squareRoot()
    return (0..<count).map {
      scale * cos(Double.pi * (Double($0) + 0.5) * Double(index) / Double(count))
    }
  }

  /// The sum of s_i u_i v_iᵀ.
  static func matrix(_ rows: Int, _ columns: Int, singularValues: [Double]) -> [Float] {
    var values = [Double](repeating: 0, count: rows * columns)
    for (index, size) in singularValues.enumerated() {
      let (u, v) = (cosineVector(index, count: rows), cosineVector(index, count: columns))
      for row in 0..<rows {
        for column in 0..<columns { values[row * columns + column] += size * u[row] * v[column] }
      }
    }
    return values.map(Float.init)
  }

  static func squaredError(_ factors: LowRankFactors, _ matrix: [Float], columns: Int, rank: Int)
    -> Double
  {
    var error = 0.0
    for (index, value) in matrix.enumerated() {
      let (row, column) = (index / columns, index % columns)
      let product = (0..<rank).reduce(0.0) {
        $0 + Double(factors.left[row * rank + $1]) * Double(factors.right[$1 * columns + column])
      }
      error += (Double(value) - product) * (Double(value) - product)
    }
    return error
  }

  /// No product of the rank is nearer than the tail of the squares (Eckart and Young 1936); a thousandth
  /// of it is what the iteration leaves when it ends, a few of them what may add up.
  @Test(arguments: [(48, 80), (80, 48), (60, 60)], [1, 7, 40])
  func theErrorIsThatOfTheTruncatedDecomposition(shape: (Int, Int), rank: Int) throws {
    let sizes = (0..<min(shape.0, shape.1)).map { 3 / Double($0 + 1) }
    let matrix = Self.matrix(shape.0, shape.1, singularValues: sizes)
    let factors = try unsafe matrix.withUnsafeBufferPointer {
      try unsafe LowRankFactors($0, rows: shape.0, columns: shape.1, rank: rank)
    }
    let tail = sizes[rank...].reduce(0) { $0 + $1 * $1 }
    let error = Self.squaredError(factors, matrix, columns: shape.1, rank: rank)
    #expect(error >= tail * (1 - 1e-3))
    #expect(error <= tail * 1.005)
    let total = sizes.reduce(0) { $0 + $1 * $1 }
    #expect(abs(factors.energyShare - (1 - error / total)) < 1e-4)
  }

  /// More vectors than the matrix has: those that are left are zero, and nothing is divided by that.
  @Test func aMatrixOfLowerRankIsKeptWhole() throws {
    let matrix = Self.matrix(50, 70, singularValues: [5, 2, 1])
    let factors = try unsafe matrix.withUnsafeBufferPointer {
      try unsafe LowRankFactors($0, rows: 50, columns: 70, rank: 40)
    }
    #expect(factors.left.allSatisfy(\.isFinite) && factors.right.allSatisfy(\.isFinite))
    #expect(Self.squaredError(factors, matrix, columns: 70, rank: 40) < 1e-9 * 30)
    let nothing = try unsafe [Float](repeating: 0, count: 12).withUnsafeBufferPointer {
      try unsafe LowRankFactors($0, rows: 3, columns: 4, rank: 2)
    }
    #expect(nothing.left.allSatisfy { $0 == 0 } && nothing.energyShare == 1)
  }
}
