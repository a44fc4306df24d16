import CLinux
import Compute
import Dispatch

/// What a model that is no more has left behind.
enum FreedMemory {
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
