import Testing

/// How long something that has to come may take: longer than it does anywhere, with a sanitizer and on
/// a busy machine too.
let patience: Duration = .seconds(600)

/// Waits for something to come true; that it does not is an issue.
func until(
  sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + patience
  while true {
    // Asked once more when the time is over: tests that compute may have held all threads meanwhile.
    let isLate = ContinuousClock.now >= deadline
    if try await condition() { return }
    if isLate { break }
    try await Task.sleep(for: .milliseconds(20))
  }
  Issue.record("it did not come true", sourceLocation: sourceLocation)
}
