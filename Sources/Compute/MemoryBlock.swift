internal import Glibc

/// A block of memory for weights or activations, on huge pages where the kernel has them.
///
/// Half a gigabyte of weights in 4 KiB pages costs a TLB miss every few cache lines; 2 MiB pages
/// make those disappear and the first touch hundreds of times cheaper.
@safe final class MemoryBlock: @unchecked Sendable {
  // Sendable: whoever writes a block owns it alone (an arena belongs to one compute thread); prepared
  // weights are written before they are shared and only read afterwards.

  /// The first byte; aligned to a cache line, or to 2 MiB in blocks of at least that size.
  @unsafe let address: UnsafeMutableRawPointer

  /// The number of bytes.
  let count: Int

  /// The bytes that were mapped for a large block; zero for one that was allocated.
  private let mappedByteCount: Int

  private static let hugePage = 2 << 20

  /// A block that holds nothing.
  init() {
    count = 0
    mappedByteCount = 0
    // Never read or written: any address will do, and nothing is freed.
    unsafe address = Self.nowhere
  }

  @unsafe private nonisolated(unsafe) static let nowhere = UnsafeMutableRawPointer.allocate(
    byteCount: 64, alignment: 64)

  /// A block of some bytes.
  ///
  /// - Throws: `ComputeError` where the system has no such memory to give.
  init(count: Int) throws(ComputeError) {
    self.count = count
    guard count >= Self.hugePage else {
      mappedByteCount = 0
      var start: UnsafeMutableRawPointer?
      guard unsafe posix_memalign(&start, 64, max(count, 64)) == 0, let start = unsafe start else {
        throw .outOfMemory(byteCount: count)
      }
      unsafe address = start
      return
    }
    let mask = Self.hugePage - 1
    mappedByteCount = (count + mask) & ~mask
    // Mapped and not allocated: what an allocator gets back it may keep, and arenas that grow leave
    // blocks of many megabytes behind.
    let start = unsafe mmap(
      nil, mappedByteCount + Self.hugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
      0)
    guard let start = unsafe start, unsafe start != MAP_FAILED else {
      throw .outOfMemory(byteCount: count)
    }
    let before = (Self.hugePage - Int(bitPattern: start) & mask) & mask
    unsafe address = start + before
    if before > 0 { unsafe _ = munmap(start, before) }
    if before < Self.hugePage {
      unsafe _ = munmap(address + mappedByteCount, Self.hugePage - before)
    }
    // Advice only: a kernel without huge pages refuses, and nothing but speed is lost.
    unsafe _ = madvise(address, mappedByteCount, MADV_HUGEPAGE)
  }

  /// A block of zeros.
  convenience init(zeros count: Int) throws(ComputeError) {
    try self.init(count: count)
    // The system's pages are zeros already.
    if mappedByteCount == 0 {
      unsafe address.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    }
  }

  /// A block that holds some numbers.
  convenience init(copying values: [Float]) throws(ComputeError) {
    try self.init(count: values.count * MemoryLayout<Float>.stride)
    unsafe values.withUnsafeBytes { values in
      // Safety: the block was made as long as the values.
      unsafe UnsafeMutableRawBufferPointer(start: address, count: values.count)
        .copyMemory(from: values)
    }
  }

  deinit {
    if mappedByteCount > 0 {
      unsafe _ = munmap(address, mappedByteCount)
    } else if unsafe address != Self.nowhere {
      unsafe free(address)
    }
  }
}

/// Memory for the activations of whichever plan is running: it grows to the largest plan's need, and
/// shrinks where the last sixteen runs needed less than half of what is held.
///
/// An arena belongs to one compute thread, and plans that share it must not depend on each other's
/// contents: running one overwrites the outputs of another.
public final class Arena {
  private(set) var block = MemoryBlock()

  /// Tells a block from those before it, which nothing may keep: plans of sixteen sizes would keep
  /// sixteen blocks.
  private(set) var generation = 0

  private var demand = MemoryDemand()

  /// Makes an empty arena.
  public init() {}

  /// The bytes that the arena holds.
  public var byteCount: Int { block.count }

  /// Makes room; what was in the arena is lost if it grows or shrinks.
  ///
  /// - Throws: `ComputeError` where the system has no such memory to give; the arena is then empty.
  func reserve(_ count: Int) throws(ComputeError) {
    let less = demand.bytesThatWouldDo(for: count, held: block.count)
    if count > block.count || less != nil {
      // The old block goes first, so that both never exist at once.
      block = MemoryBlock()
      generation += 1
      block = try MemoryBlock(count: max(count, less ?? 0))
    }
  }
}
