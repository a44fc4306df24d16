import Testing

@testable import Compute

struct MemoryDemandTests {
  @Test func aBufferThatALargeNeedGrewShrinksWhenSixteenSmallOnesHaveFollowed() throws {
    let buffer = FloatBuffer()
    func need(_ count: Int) throws { unsafe _ = try buffer.reserve(count) }
    try need(1_000)
    try need(1_000_000)
    for _ in 0..<15 { try need(2_000) }
    #expect(buffer.byteCount == 4_000_000)
    // One that needs more than half of it starts the count again.
    try need(600_000)
    for _ in 0..<15 { try need(2_000) }
    #expect(buffer.byteCount == 4_000_000)
    try need(1_000)
    #expect(buffer.byteCount == 8_000)
  }

  @Test func anArenaShrinksTooAndThenIsAnotherBlock() throws {
    let arena = Arena()
    try arena.reserve(10_000_000)
    let generation = arena.generation
    for _ in 0..<16 { try arena.reserve(100) }
    #expect(arena.byteCount == 100)
    #expect(arena.generation != generation)
  }
}
