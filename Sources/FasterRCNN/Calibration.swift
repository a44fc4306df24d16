public import Compute
public import Images
internal import Networks
internal import Synchronization
internal import Tensors

/// Measures what int8 needs to know of a model: how large the values are that its layers read.
///
/// ```swift
/// let calibration = try Calibration(model: .open("voc.pth"))
/// for picture in pictures { try calibration.observe(picture) }
/// let ranges = calibration.ranges(share: 0.9999)
/// ```
public final class Calibration: Sendable {
  let detector: Detector
  private let histograms = Mutex<[String: InputHistogram]>([:])

  /// Prepares to measure.
  ///
  /// - Parameters:
  ///   - model: an opened model, which this takes over.
  ///   - threadCount: how many cores to compute on.
  /// - Throws: `DetectorError` where the system has no thread to give.
  public init(
    model: Model, threadCount: Int = ProcessorCount.available
  ) throws(DetectorError) {
    detector = try Detector(
      model: model.observingInputs,
      options: .init(
        threadCount: threadCount, keptPlans: 1, plan: PlanOptions(convolution: .direct)))
  }

  /// Runs the model in single precision on a picture and counts what its layers read.
  ///
  /// - Throws: `DetectorError` where the picture cannot be worked on.
  public func observe(_ image: Image) throws(DetectorError) {
    try detector.session.run { [self] (session) throws(DetectorError) in
      let networks = session.model.networks
      let run = Run(isCancelled: { false }) { [self] plan, part, rows in
        count(plan, of: part, rows: rows, networks)
      }
      _ = try session.detect([image], parameters: DetectionParameters(), run)
    }
  }

  private func count(
    _ plan: Plan, of part: Run.Part, rows: Int, _ networks: DetectorNetworks
  ) {
    let network =
      switch part {
      case .picture: networks.picture
      case .features: networks.proposal
      case .head: networks.head
      }
    let names = network.lowPrecisionLayers
    let first = plan.outputLayouts.count - names.count
    for (index, name) in names.enumerated() {
      let layout = plan.outputLayouts[first + index]
      let values = unsafe plan.outputValues(first + index)
      // The head runs on more rows than there are proposals; the others hold what was there before.
      let count = values.count / layout.shape[0] * min(rows, layout.shape[0])
      histograms.withLock {
        unsafe $0[name, default: InputHistogram()].add(
          UnsafeBufferPointer(rebasing: values[..<count]))
      }
    }
  }

  /// For each layer that can be computed in int8, the value below which a share of what it read lies, from 0
  /// on, or from the value above which such a share lies.
  ///
  /// Left out are layers that read negative values, which bytes without a sign cannot hold, unless a byte may
  /// stand for their zero; those that read nothing but zeros; and the convolution of the region proposal
  /// network: it is a small part of the work, and in bytes it costs more of the mean average precision than all
  /// other layers together (docs/numerics.md). A pyramid's reads negative values anyway.
  ///
  /// - Parameter share: more than 0, at most 1; what lies beyond is cut off, so that the rest is told
  ///   apart more finely.
  /// - Returns: the ranges by the layers' names.
  public func ranges(share: Double) -> [String: ClosedRange<Float>] {
    let signed = detector.networks.readsSignedBytes
    return histograms.withLock { histograms in
      var ranges: [String: ClosedRange<Float>] = [:]
      for (name, histogram) in histograms {
        if name.hasPrefix("rpn.") { continue }
        let largest = histogram.value(below: share)
        guard largest > 0, largest.isFinite else { continue }
        if histogram.minimum >= 0 {
          ranges[name] = 0...largest
        } else if signed.contains(name) {
          ranges[name] = min(histogram.value(above: share), 0)...largest
        }
      }
      return ranges
    }
  }
}
