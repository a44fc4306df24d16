import Testing

@testable import Compute

struct ArenaLayoutTests {
  @Test func buffersThatLiveTogetherNeverOverlap() {
    var random = Random(state: 1)
    for _ in 0..<200 {
      let buffers = (0..<12).map { _ in
        let first = Int((random.next() + 1) * 8)
        return ArenaLayout.Buffer(
          byteCount: Int((random.next() + 1) * 1000), first: first,
          last: first + Int((random.next() + 1) * 3))
      }
      let layout = ArenaLayout(buffers)
      for i in buffers.indices {
        #expect(layout.offsets[i] % 64 == 0)
        #expect(layout.offsets[i] + buffers[i].byteCount <= layout.byteCount)
        for j in buffers.indices where j < i {
          let together = buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last
          let apart =
            layout.offsets[i] + buffers[i].byteCount <= layout.offsets[j]
            || layout.offsets[j] + buffers[j].byteCount <= layout.offsets[i]
          #expect(!together || apart)
        }
      }
    }
  }

  @Test func aChainNeedsTwoBuffersOnly() {
    // Each layer reads its predecessor's output: only two neighbours live at once.
    let layout = ArenaLayout((0..<10).map { .init(byteCount: 640, first: $0, last: $0 + 1) })
    #expect(layout.byteCount == 2 * 640)
  }
}
