import Foundation

/// Lets a millisecond go by on the calling thread.
func pause() { Thread.sleep(forTimeInterval: 0.001) }

/// Waits for something to come true.
///
/// - Returns: whether it did within four minutes, which is long even while all other tests run with a
///   sanitizer.
func eventually(_ condition: @Sendable () -> Bool) async -> Bool {
  let deadline = ContinuousClock.now + .seconds(240)
  while ContinuousClock.now < deadline {
    if condition() { return true }
    try? await Task.sleep(for: .milliseconds(1))
  }
  return condition()
}
