internal import Synchronization

/// Histograms that are told apart by one label.
///
/// An observation is a search among some twenty bounds and three additions, under a lock that is held for
/// no longer; memory is taken only when a label's value comes up for the first time.
public final class HistogramFamily: Sendable {
  /// What was observed under one label.
  public struct Histogram: Sendable {
    /// How many observations fell into each bucket, and not into one before it; the last is for
    /// those above all bounds.
    public fileprivate(set) var counts: [Int]

    /// The sum of the observations.
    public fileprivate(set) var sum = 0.0

    /// How many observations there were.
    public var count: Int { counts.reduce(0, +) }

    fileprivate mutating func add(_ value: Double, toBucket index: Int) {
      counts[index] += 1
      sum += value
    }
  }

  /// The upper bounds of the buckets, ascending; an observation belongs to the first bucket whose
  /// bound it does not exceed.
  public let bounds: [Double]

  private let histograms: Mutex<[String: Histogram]>

  /// Makes a family.
  ///
  /// - Parameters:
  ///   - bounds: the upper bounds, ascending.
  ///   - known: the labels that stand in the answer from the start. The one label of a histogram
  ///     that has none is empty.
  public init(bounds: [Double], known: [String] = [""]) {
    self.bounds = bounds
    let empty = Histogram(counts: Array(repeating: 0, count: bounds.count + 1))
    histograms = Mutex(Dictionary(uniqueKeysWithValues: known.map { ($0, empty) }))
  }

  /// Takes an observation in.
  public func observe(_ value: Double, _ label: String = "") {
    let index = bounds.firstIndex { value <= $0 } ?? bounds.count
    let bucketCount = bounds.count + 1
    histograms.withLock { histograms in
      // The array is made only where the label is new: the default is not evaluated otherwise.
      let empty = { Histogram(counts: Array(repeating: 0, count: bucketCount)) }
      histograms[label, default: empty()].add(value, toBucket: index)
    }
  }

  /// Takes a time in, in seconds.
  public func observe(_ duration: Duration, _ label: String = "") {
    observe(duration.seconds, label)
  }

  /// What was observed until now, in the order of the labels.
  public var snapshot: [(label: String, histogram: Histogram)] {
    histograms.withLock { $0 }.sorted { $0.key < $1.key }
      .map { (label: $0.key, histogram: $0.value) }
  }
}
