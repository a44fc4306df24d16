import Foundation

/// Lets a millisecond go by on the calling thread.
func pause() { Thread.sleep(forTimeInterval: 0.001) }

/// Waits for something to come true.
///
/// - Returns: whether it did within ten minutes, which is long even while all other tests run with a
///   sanitizer.
func eventually(
  isolation: isolated (any Actor)? = #isolation, _ condition: () -> Bool
) async -> Bool {
  let deadline = ContinuousClock.now + .seconds(600)
  while true {
    // Asked once more when the time is over: others may have had the processor meanwhile.
    let isLate = ContinuousClock.now >= deadline
    if condition() { return true }
    if isLate { return false }
    try? await Task.sleep(for: .milliseconds(1))
  }
}
