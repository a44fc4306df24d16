import Batch
import Dispatch
import Files
import Synchronization

/// How many pictures there are, counted beside the work; never known where names come from a pipe.
final class PictureCount: Sendable {
  private let count = Mutex<Int?>(nil)

  init(of inputs: [NamedPictures.Input], _ options: NamedPictures.Options) {
    for case .list(let name) in inputs where name?.kind != .file { return }
    DispatchQueue.global().async { [self] in
      var source = NamedPictures(inputs, options: options)
      var found = 0
      do throws(BatchError) {
        while try source.next() != nil { found += 1 }
      } catch {
        // The work comes to the same place, and says so.
        return
      }
      count.withLock { [found] in $0 = found }
    }
  }

  var value: Int? { count.withLock { $0 } }
}

/// Says how far long work has come: a line that changes where a person watches, else a line every half minute.
struct BatchProgress {
  private static let interval = Duration.seconds(30)

  private let total: PictureCount
  private let done: Int
  private let start = ContinuousClock.now
  private var lastLine = ContinuousClock.now
  private var bar = ProgressBar("detecting", total: nil)
  /// How many pictures were worked on in this run.
  private(set) var worked = 0

  init(done: Int, total: PictureCount) {
    self.done = done
    self.total = total
    if done > 0 { StandardError.write("frcnn: \(done) pictures are done already\n") }
  }

  /// Counts a picture.
  mutating func advance() {
    worked += 1
    if bar.isShown {
      bar.show(done + worked, of: total.value, rate: rate, remaining: remaining)
    } else if ContinuousClock.now - lastLine >= Self.interval {
      lastLine = .now
      let all = total.value.map { " of \($0)" } ?? ""
      let left = remaining.map { ", \(ProgressBar.text(of: $0)) left" } ?? ""
      StandardError.write(
        "frcnn: \(done + worked)\(all) pictures, \(rate.fixed(1)) a second\(left)\n")
    }
  }

  /// Takes the line away.
  func finish() { bar.finish() }

  /// Says what was done.
  func end(failures: Int) {
    bar.finish()
    let time = ProgressBar.text(of: ContinuousClock.now - start)
    let failed = failures == 0 ? "" : "; \(failures) could not be worked on, see their rows"
    StandardError.write(
      "frcnn: \(done + worked) pictures, \(worked) of them in \(time), \(rate.fixed(1)) a second\(failed)\n"
    )
  }

  /// Pictures a second.
  private var rate: Double {
    Double(worked) / max((ContinuousClock.now - start) / .seconds(1), 1e-3)
  }

  private var remaining: Duration? {
    guard let total = total.value, worked > 0 else { return nil }
    return .seconds(Double(max(total - done - worked, 0)) / rate)
  }
}
