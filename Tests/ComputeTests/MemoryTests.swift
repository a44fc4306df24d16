import Testing

@testable import Compute

/// What a request can ask for must not end the process.
struct MemoryTests {
  /// No machine has 2^60 bytes; none maps them either.
  static let tooMuch = 1 << 60

  @Test func memoryThatTheSystemHasNotIsAnError() {
    #expect(throws: ComputeError.self) { _ = try MemoryBlock(count: Self.tooMuch) }
    let arena = Arena()
    #expect(throws: ComputeError.self) { try arena.reserve(Self.tooMuch) }
    #expect(arena.byteCount == 0)
    let buffer = FloatBuffer()
    #expect(throws: ComputeError.self) { _ = try unsafe buffer.reserve(Self.tooMuch / 4) }
    #expect(throws: ComputeError.self) { _ = try unsafe buffer.reserve(Int.max) }
  }

  @Test func anArenaThatCouldNotGrowMayBeUsedAgain() throws {
    let arena = Arena()
    try arena.reserve(1000)
    let generation = arena.generation
    #expect(throws: ComputeError.self) { try arena.reserve(Self.tooMuch) }
    // What pointed into the old block must be bound anew.
    #expect(arena.generation > generation)
    try arena.reserve(1000)
    #expect(arena.byteCount == 1000)
  }

  @Test(arguments: [10, 3 << 20]) func buffersBeginWithZeros(count: Int) throws {
    let buffer = FloatBuffer()
    for size in [count, 2 * count] {
      let values = try unsafe buffer.reserve(size)
      let zeros = unsafe values.count { $0 == 0 }
      #expect(zeros == size)
      unsafe values.initialize(repeating: 1)
    }
  }
}
