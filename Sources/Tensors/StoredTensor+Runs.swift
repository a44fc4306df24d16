/// Elements that follow each other in row-major order at one distance in storage.
struct ElementRun {
  /// The position of the first among all elements in row-major order.
  let index: Int
  /// Where the first starts in the storage, in bytes.
  let byteOffset: Int
  /// The distance from one to the next, in elements.
  let stride: Int
  /// The number of elements.
  let count: Int
}

extension StoredTensor {
  /// Visits all elements in row-major order as few runs as possible: one where they are contiguous,
  /// otherwise one for each row of the innermost axis.
  @inline(__always)
  func forEachRun(_ body: (ElementRun) -> Void) {
    guard shape.count > 0 else { return }
    if isContiguous {
      body(ElementRun(index: 0, byteOffset: byteOffset, stride: 1, count: shape.count))
      return
    }
    // Not contiguous, so there is at least one axis.
    let inner = shape.rank - 1
    let length = shape[inner]
    var position = [Int](repeating: 0, count: inner)
    var offset = 0
    for row in 0..<shape.count / length {
      body(
        ElementRun(
          index: row * length, byteOffset: byteOffset + offset * elementType.byteCount,
          stride: strides[inner], count: length))
      var axis = inner - 1
      while axis >= 0 {
        position[axis] += 1
        offset += strides[axis]
        if position[axis] < shape[axis] { break }
        offset -= position[axis] * strides[axis]
        position[axis] = 0
        axis -= 1
      }
    }
  }
}
