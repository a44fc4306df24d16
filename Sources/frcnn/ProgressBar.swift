/// A line on the terminal that says how far long work has come; silent where nobody watches.
///
///     evaluating [=============>              ] 34/72  47 %  0:21 left
struct ProgressBar {
  private let title: String
  private let total: Int
  private let isShown: Bool
  private let start = ContinuousClock.now
  private var lastShown: ContinuousClock.Instant?

  init(_ title: String, total: Int, isShown: Bool = StandardError.isTerminal) {
    self.title = title
    self.total = max(total, 1)
    self.isShown = isShown
  }

  /// Shows that so much is done, at most some ten times a second.
  mutating func show(_ done: Int) {
    guard isShown else { return }
    let now = ContinuousClock.now
    if let lastShown, now - lastShown < .milliseconds(100), done < total { return }
    lastShown = now
    let remaining = done == 0 ? nil : (now - start) * (Double(total - done) / Double(done))
    StandardError.write("\r" + line(done, remaining: remaining) + "\u{1B}[K")
  }

  /// Takes the line away.
  func finish() {
    if isShown { StandardError.write("\r\u{1B}[K") }
  }

  private func line(_ done: Int, remaining: Duration?) -> String {
    let share = min(max(Double(done) / Double(total), 0), 1)
    var tail = "] \(Int(share * 100)) %"
    if let remaining, done < total {
      let seconds = Int(remaining.components.seconds)
      let padding = seconds % 60 < 10 ? "0" : ""
      tail += "  \(seconds / 60):\(padding)\(seconds % 60) left"
    }
    let head = title + " ["
    let room = min(StandardError.width - head.count - tail.count - 1, 40)
    guard room >= 4 else { return head + tail }
    let filled = Int(share * Double(room))
    let bar = String(repeating: "=", count: max(filled - 1, 0)) + (filled > 0 ? ">" : "")
    return head + bar + String(repeating: " ", count: room - filled) + tail
  }
}
