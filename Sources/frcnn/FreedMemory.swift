import CLinux
import Compute
import Dispatch

/// What a model that is no more has left behind.
enum FreedMemory {
  /// From how many bytes on a block is the system's own and goes back to it at once: weights, and pictures of three million
  /// pixels and more.
  private static let largeBlock: Int32 = 8 << 20

  /// Has large blocks go back to the system when they are freed; before the first of them is made.
  ///
  /// Otherwise the allocator takes each one that is freed for a reason to have the next ones of its size in its heaps, whose
  /// ends stay as large as they were once. A server's models come and go.
  static func returnLargeBlocks() {
    mallopt(M_MMAP_THRESHOLD, largeBlock)
    mallopt(M_TRIM_THRESHOLD, 2 * largeBlock)
  }

  /// Gives it back to the system.
  ///
  /// The allocator keeps small blocks that were freed, in a heap for each few threads, and whoever allocates next does so on
  /// another thread.
  ///
  /// - Parameter threads: those that free the model, in work that is queued by the time that the caller is done.
  static func giveBack(behind threads: [ComputeThread]) {
    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(100)) {
      for thread in threads { thread.async { _ = malloc_trim(0) } }
    }
  }
}
