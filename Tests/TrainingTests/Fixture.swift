import Checkpoints
import Compute
import Detection
import Families
import Foundation
import Networks
import Tensors
import Testing

@testable import Training

/// Numbers that other programs' training steps gave: `training_steps.py` in `scripts/fixtures` wrote them.
struct Fixture {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures")

  let tensors: StateDictionary

  init(_ name: String) throws {
    tensors = try Checkpoint.open(
      Self.folder.appendingPathComponent(name + ".safetensors").path
    ).stateDictionary
  }

  func tensor(_ name: String) throws -> StoredTensor { try #require(tensors[name], "\(name)") }

  func values(_ name: String) throws -> [Float] { try tensor(name).float32Values() }

  func integers(_ name: String) throws -> [Int] { try values(name).map { Int($0) } }

  /// Rows of four.
  func boxes(_ name: String, _ order: CoordinateOrder) throws -> [BoundingBox] {
    let values = try values(name)
    return stride(from: 0, to: values.count, by: 4).map { index in
      let row = Array(values[index..<index + 4])
      return order == .yxyx
        ? BoundingBox(yMin: row[0], xMin: row[1], yMax: row[2], xMax: row[3])
        : BoundingBox(yMin: row[1], xMin: row[0], yMax: row[3], xMax: row[2])
    }
  }

  func offsets(_ name: String, _ order: CoordinateOrder) throws -> [BoxOffset] {
    let values = try values(name)
    return stride(from: 0, to: values.count, by: 4).map { index in
      BoxOffset(
        values[index], values[index + 1], values[index + 2], values[index + 3], as: order)
    }
  }
}

/// The L2 norm, the sum and the numbers at 16 places of a tensor, as the fixtures have them.
struct Summary {
  var norm: Double
  var sum: Double
  var entries: [Double]

  init(_ values: [Float]) {
    norm = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    sum = values.reduce(0.0) { $0 + Double($1) }
    entries = (0..<16).map { Double(values[$0 * (values.count - 1) / 15]) }
  }

  init(stored: [Float]) {
    norm = Double(stored[0])
    sum = Double(stored[1])
    entries = stored[2...].map { Double($0) }
  }

  /// The largest difference of an entry, relative to the largest entry.
  func entryError(_ other: Summary) -> Double {
    let largest = other.entries.map(abs).max() ?? 0
    let difference = zip(entries, other.entries).map { abs($0 - $1) }.max() ?? 0
    return difference / max(largest, 1e-30)
  }

  func normError(_ other: Summary) -> Double { abs(norm - other.norm) / max(other.norm, 1e-30) }

  func sumError(_ other: Summary) -> Double { abs(sum - other.sum) / max(other.norm, 1e-30) }
}

/// What a step showed before its update, copied out of the compute thread.
struct Observed: Sendable {
  var outputs: [String: [Float]] = [:]
  var gradients: [String: [Float]] = [:]
  var momenta: [String: [Float]] = [:]
  var parameters: [String: [Float]] = [:]
  var report: StepReport
}

extension Trainer {
  /// Does a step with samples that are given.
  func step(_ batch: TrainingBatch, _ samples: [TrainingSample]) throws -> Observed {
    try withEngine { (engine) throws(TrainingError) -> Observed in
      var outputs: [String: [Float]] = [:]
      var gradients: [String: [Float]] = [:]
      let report = try engine.step(batch, samples: samples) { moment in
        switch moment {
        case .losses: outputs = engine.observedOutputs()
        case .gradients: break
        }
      }
      for parameter in engine.store.parameters {
        gradients[parameter.name] = parameter.update { _, gradient in
          gradient.indices.map { gradient[$0] }
        }
      }
      var observed = Observed(outputs: outputs, gradients: gradients, report: report)
      for (index, parameter) in engine.descent.parameters.enumerated() {
        observed.parameters[parameter.name] = parameter.read { values in
          values.indices.map { values[$0] }
        }
        observed.momenta[parameter.name] = engine.descent.withMomentum(of: index) { values in
          values.indices.map { values[$0] }
        }
      }
      return observed
    }
  }
}

extension TrainingEngine {
  /// Features, RPN's and head's outputs with their gradients, features in rows.
  func observedOutputs() -> [String: [Float]] {
    var result: [String: [Float]] = [:]
    let levels = networks.levels.count
    for index in 0..<3 * levels {
      let layout = picture.outputLayout(index)
      let name = "\(["features", "offsets", "logits"][index / levels]).\(index % levels)"
      let values = unsafe Array(picture.outputValues(index))
      let gradient = unsafe picture.gradientValues(index).map { unsafe Array($0) }
      func plain(_ values: [Float]) -> [Float] {
        guard index < levels, let channels = layout.channelLayout else { return values }
        var result: [Float] = []
        for image in 0..<channels.imageCount {
          for channel in 0..<channels.channelCount {
            for y in 0..<channels.height {
              for x in 0..<channels.width {
                result.append(values[channels.offset(image: image, channel: channel, y: y, x: x)])
              }
            }
          }
        }
        return result
      }
      result[name] = plain(values)
      result[name + ".gradient"] = gradient.map(plain)
    }
    for (index, name) in ["boxes", "classes"].enumerated() {
      result[name] = head.plan.map { unsafe Array($0.outputValues(index)) }
      result[name + ".gradient"] = unsafe head.plan?.gradientValues(ofOutput: index)
        .map { unsafe Array($0) }
    }
    return result
  }
}

/// Whether two lists are alike, to a part of the largest number.
func expectAlike(
  _ found: [Float]?, _ wanted: [Float], within tolerance: Float, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard let found, found.count == wanted.count else {
    Issue.record(
      "\(what): \(found?.count ?? -1) numbers for \(wanted.count)", sourceLocation: sourceLocation)
    return
  }
  let largest = max(wanted.map(abs).max() ?? 0, .leastNormalMagnitude)
  let difference = zip(found, wanted).map { abs($0 - $1) }.max() ?? 0
  #expect(
    difference <= tolerance * largest, "\(what): \(difference) of \(largest)",
    sourceLocation: sourceLocation)
}
