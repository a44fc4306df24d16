/// A line on the terminal that says how far long work has come; silent where nobody watches.
///
///     evaluating [=============>              ] 34/72  47 %  0:21 left
struct ProgressBar {
  /// Whether there is a line at all: a terminal that can go back in it watches.
  let isShown: Bool

  private let title: String
  private let total: Int?
  private let start = ContinuousClock.now
  private var lastShown: ContinuousClock.Instant?

  init(_ title: String, total: Int?, isShown: Bool = StandardError.takesProgress) {
    self.title = title
    self.total = total.map { max($0, 1) }
    self.isShown = isShown
  }

  /// Shows that so much is done, at most some ten times a second.
  mutating func show(_ done: Int) {
    let remaining = total.flatMap { total in
      done == 0 ? nil : (ContinuousClock.now - start) * (Double(total - done) / Double(done))
    }
    show(done, of: total, rate: nil, remaining: remaining)
  }

  /// Shows that so much is done of what is known by now.
  ///
  /// - Parameters:
  ///   - done: how much is done.
  ///   - total: how much there is; `nil` where that is not known.
  ///   - rate: how much is done in a second.
  ///   - remaining: the time that the rest takes.
  ///   - note: what else is to be said, at the end.
  mutating func show(
    _ done: Int, of total: Int?, rate: Double?, remaining: Duration?, note: String? = nil
  ) {
    guard isShown else { return }
    let now = ContinuousClock.now
    if let lastShown, now - lastShown < .milliseconds(100), done < total ?? .max { return }
    lastShown = now
    let line = Self.line(
      title, done, of: total, rate: rate, remaining: remaining, note: note,
      width: StandardError.width)
    StandardError.write("\r" + line + "\u{1B}[K")
  }

  /// Takes the line away.
  func finish() {
    if isShown { StandardError.write("\r\u{1B}[K") }
  }

  /// A time as minutes and seconds, with hours where there are any.
  static func text(of time: Duration) -> String {
    let seconds = Int(time.components.seconds)
    func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
    let end = padded(seconds % 60)
    return hours > 0 ? "\(hours):\(padded(minutes)):\(end)" : "\(minutes):\(end)"
  }

  /// The line, in fewer columns than there are: what finds no room is left out, the bar first.
  private static func line(
    _ title: String, _ done: Int, of total: Int?, rate: Double?, remaining: Duration?,
    note: String?,
    width: Int
  ) -> String {
    var parts: [String] = []
    let share = total.map { min(max(Double(done) / Double($0), 0), 1) }
    if let share { parts.append("\(Int(share * 100)) %") } else { parts.append("\(done)") }
    if let rate { parts.append("\(rate.fixed(1))/s") }
    if let remaining, done < total ?? .max { parts.append("\(text(of: remaining)) left") }
    if let note { parts.append(note) }
    let tail = parts.joined(separator: "  ")
    let room = min(width - title.count - tail.count - 5, 40)
    if let share, room >= 4 {
      let filled = Int(share * Double(room))
      let bar = String(repeating: "=", count: max(filled - 1, 0)) + (filled > 0 ? ">" : "")
      return "\(title) [\(bar)\(String(repeating: " ", count: room - filled))] \(tail)"
    }
    let whole = "\(title) \(tail)"
    return whole.count < width ? whole : String(tail.prefix(max(width - 1, 0)))
  }
}
