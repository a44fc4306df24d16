/// Products of row-major matrices in single precision, for work that is done once; networks have plans.
public enum MatrixProduct {
  /// A matrix as a product takes it.
  @safe public struct Operand {
    @unsafe let values: UnsafeBufferPointer<Float>
    let stride: Int
    let isTransposed: Bool

    /// - Parameters:
    ///   - values: the rows without gaps; they must outlive the call that takes the operand.
    ///   - stride: how many values a row has, before it is transposed.
    ///   - isTransposed: whether the product takes the matrix transposed.
    @unsafe public init(
      _ values: UnsafeBufferPointer<Float>, stride: Int, isTransposed: Bool = false
    ) {
      unsafe self.values = values
      self.stride = stride
      self.isTransposed = isTransposed
    }
  }

  /// What becomes of the result's former values.
  public enum Accumulation {
    /// They are overwritten.
    case replace
    /// The product is taken from them.
    case subtract
  }

  /// Multiplies a matrix of `rows` x `inner` by one of `inner` x `columns`.
  ///
  /// - Parameters:
  ///   - first: the left matrix.
  ///   - second: the right matrix.
  ///   - rows: the rows of the left matrix and of the result.
  ///   - inner: the columns of the left matrix and the rows of the right one.
  ///   - columns: the columns of the right matrix and of the result.
  ///   - result: room for `rows * columns` values, which no operand overlaps.
  ///   - accumulation: what becomes of the values that `result` has.
  /// - Throws: `ComputeError` where oneDNN refuses.
  public static func multiply(
    _ first: Operand, _ second: Operand, rows: Int, inner: Int, columns: Int,
    into result: UnsafeMutableBufferPointer<Float>, _ accumulation: Accumulation = .replace
  ) throws(ComputeError) {
    guard rows > 0, inner > 0, columns > 0 else { return }
    precondition(
      unsafe first.values.count >= rows * inner && second.values.count >= inner * columns
        && result.count >= rows * columns, "a matrix is shorter than its extents")
    let (alpha, beta): (Float, Float) = accumulation == .replace ? (1, 0) : (-1, 1)
    try unsafe Engine.multiply(
      first, second, rows: rows, inner: inner, columns: columns, alpha: alpha, beta: beta,
      into: result)
  }
}
