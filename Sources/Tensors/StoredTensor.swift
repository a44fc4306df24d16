/// A tensor as a file holds it: an element type, a shape, strides, and a place in shared storage.
///
/// It is a view: making one copies nothing, and several may share one storage (as tied weights in
/// a checkpoint do).
public struct StoredTensor: Sendable {
  /// The type of the elements.
  public let elementType: ElementType

  /// The extents, outermost first.
  public let shape: Shape

  /// The distance, in elements, from one index of each axis to the next; never negative.
  public let strides: [Int]

  /// The bytes that hold the elements, little-endian.
  public let storage: ByteStorage

  /// Where the first element starts in `storage`.
  public let byteOffset: Int

  /// Makes a view of storage after checking that every element lies inside it.
  ///
  /// It is `nil` where a stride or the offset is negative, the number of strides is not the rank,
  /// the elements are too many to count in bytes, or an element would lie outside the storage.
  /// Strides are in elements, row-major where they are left out. The offset needs no alignment:
  /// files promise none.
  public init?(
    elementType: ElementType, shape: Shape, strides: [Int]? = nil, storage: ByteStorage,
    byteOffset: Int
  ) {
    let strides = strides ?? shape.rowMajorStrides
    guard strides.count == shape.rank, byteOffset >= 0, byteOffset <= storage.count else {
      return nil
    }
    guard !shape.count.multipliedReportingOverflow(by: elementType.byteCount).overflow else {
      return nil
    }
    if shape.count > 0 {
      var last = 0
      for (dimension, stride) in zip(shape.dimensions, strides) {
        guard stride >= 0 else { return nil }
        let (reach, overflow) = (dimension - 1).multipliedReportingOverflow(by: stride)
        let (sum, sumOverflow) = last.addingReportingOverflow(reach)
        guard !overflow, !sumOverflow else { return nil }
        last = sum
      }
      // In whole elements, so that nothing here can overflow: `last` must be below the number of
      // elements that fit behind the offset.
      guard last < (storage.count - byteOffset) / elementType.byteCount else { return nil }
    }
    self.elementType = elementType
    self.shape = shape
    self.strides = strides
    self.storage = storage
    self.byteOffset = byteOffset
  }

  /// Whether the elements stand in row-major order without gaps.
  public var isContiguous: Bool {
    guard shape.count > 0 else { return true }
    var expected = 1
    for (dimension, stride) in zip(shape.dimensions, strides).reversed() {
      if dimension != 1 && stride != expected { return false }
      expected *= dimension
    }
    return true
  }

  /// The bytes that the elements would take without gaps.
  public var byteCount: Int { shape.count * elementType.byteCount }

  /// Lets go of the memory that the elements take, where they are a mapped file's.
  ///
  /// They can still be read (see `ByteStorage.releasePages`).
  public func releasePages() {
    guard shape.count > 0 else { return }
    let last = zip(shape.dimensions, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
    storage.releasePages(byteOffset..<byteOffset + (last + 1) * elementType.byteCount)
  }

  /// The view of some indices of the outermost axis; traps on indices outside it and on a scalar.
  public func slice(_ indices: Range<Int>) -> StoredTensor {
    precondition(shape.rank > 0, "a scalar has no axis to slice")
    precondition(
      indices.lowerBound >= 0 && indices.upperBound <= shape[0],
      "\(indices) is not within 0..<\(shape[0])")
    // A part of a view that was checked lies in the storage too, an empty part nowhere.
    let start = indices.isEmpty ? 0 : indices.lowerBound * strides[0] * elementType.byteCount
    return StoredTensor(
      within: self, shape: Shape([indices.count] + shape.dimensions.dropFirst()),
      byteOffset: byteOffset + start)
  }

  /// The same elements on one axis; `nil` unless they are contiguous.
  public var flattened: StoredTensor? {
    guard isContiguous else { return nil }
    return StoredTensor(
      within: self, shape: [shape.count], strides: [1], byteOffset: byteOffset)
  }

  private init(
    within whole: StoredTensor, shape: Shape, strides: [Int]? = nil, byteOffset: Int
  ) {
    self.elementType = whole.elementType
    self.shape = shape
    self.strides = strides ?? whole.strides
    self.storage = whole.storage
    self.byteOffset = byteOffset
  }
}
