/// Places buffers of known lifetimes in one arena, so that those that live at the same time never
/// overlap and dead ones are used again.
///
/// Greedy by size, as in Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
/// Inference" (arXiv:2001.03288, section 5.1): the largest buffer first, each at the lowest offset
/// that is free during its whole life.
struct ArenaLayout {
  /// A buffer that is written at step `first` and read for the last time at step `last`.
  struct Buffer {
    var byteCount: Int
    var first: Int
    var last: Int
  }

  /// The offset of each buffer in bytes, a multiple of `alignment`.
  private(set) var offsets: [Int]

  /// The bytes that hold them all.
  private(set) var byteCount = 0

  /// A cache line; also what AVX-512 loads like best.
  static let alignment = 64

  init(_ buffers: [Buffer]) {
    offsets = [Int](repeating: 0, count: buffers.count)
    var placed: [Int] = []
    let order = buffers.indices.sorted {
      (buffers[$1].byteCount, $0) < (buffers[$0].byteCount, $1)
    }
    for index in order {
      let buffer = buffers[index]
      let neighbours =
        placed
        .filter { buffers[$0].first <= buffer.last && buffer.first <= buffers[$0].last }
        .sorted { offsets[$0] < offsets[$1] }
      var offset = 0
      for other in neighbours {
        if offset + buffer.byteCount <= offsets[other] { break }
        offset = max(offset, Self.aligned(offsets[other] + buffers[other].byteCount))
      }
      offsets[index] = offset
      byteCount = max(byteCount, Self.aligned(offset + buffer.byteCount))
      placed.append(index)
    }
  }

  private static func aligned(_ count: Int) -> Int {
    (count + alignment - 1) / alignment * alignment
  }
}
