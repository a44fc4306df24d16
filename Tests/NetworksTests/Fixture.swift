import Compute
import Foundation
import Tensors
import Testing

@testable import Checkpoints
@testable import Networks

/// A narrow network with random weights, and what PyTorch computes with it: `scripts/fixtures/networks.py`.
struct Fixture {
  let tensors: StateDictionary

  init(_ name: String) throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    // Not as a checkpoint, which would take the name that all layers begin with for a wrapper's.
    tensors = try Safetensors.read(
      .mapping(path: folder.appending(path: "Fixtures/\(name).safetensors").path))
  }

  func tensor(_ name: String) throws -> StoredTensor { try #require(tensors[name], "\(name)") }

  func shape(_ name: String) throws -> Shape { try tensor(name).shape }

  func reader(
    _ normalisation: Architecture.Normalisation = .batch(epsilon: 1e-5)
  ) -> ParameterReader {
    ParameterReader(tensors, normalisation: normalisation)
  }

  /// A backbone's maps as the outputs of a network.
  static func network(_ backbone: some FeatureExtractor) -> Network {
    var network = Network(inputChannels: 3)
    for map in backbone.append(to: &network, network.input) {
      network.output(map, order: .channelsLast)
    }
    return network
  }

  /// Runs a network on inputs of the file, and tells how far its outputs are from the file's, in
  /// parts of the largest number; infinite where shapes differ.
  ///
  /// - Parameters:
  ///   - network: its outputs have channels last.
  ///   - inputs: the names of its inputs.
  ///   - outputs: the names of its outputs; those of `nil` are not looked at.
  /// - Returns: a number for each output.
  /// - Throws: what reading the file or running the network throws.
  func differences(
    of network: Network, on inputs: [String] = ["input"], from outputs: [String?]
  ) throws -> [Float] {
    let sources = try inputs.map { try tensor($0) }
    let thread = try ComputeThread(name: "test", threadCount: 2)
    let found = try thread.run { () throws -> [(Shape, [Float])] in
      let shapes = sources.map(\.shape)
      let plan = try Plan(
        network, inputShapes: shapes, inputLayouts: shapes.map { try TensorLayout.rowMajor($0) },
        arena: Arena(), options: PlanOptions(convolution: .direct))
      try unsafe Self.withPointers(to: sources.map { $0.float32Values() }, []) { pointers in
        // Safety: each pointer is to all values of its input, which has the plan's shape.
        try unsafe plan.run(on: pointers)
      }
      return plan.outputLayouts.indices.map { index in
        (plan.outputLayouts[index].shape, unsafe Array(plan.outputValues(index)))
      }
    }
    return try zip(found, outputs).map { found, name in
      guard let name else { return 0 }
      return Self.difference(found.1, found.0, from: try tensor(name))
    }
  }

  /// Calls a closure with pointers that are good until it returns.
  private static func withPointers(
    to values: [[Float]], _ pointers: [UnsafeRawPointer],
    _ body: ([UnsafeRawPointer]) throws -> Void
  ) throws {
    guard let first = values.first else { return try unsafe body(pointers) }
    try unsafe first.withUnsafeBytes { bytes in
      let pointer = try unsafe #require(bytes.baseAddress)
      try unsafe withPointers(to: Array(values.dropFirst()), pointers + [pointer], body)
    }
  }

  private static func difference(
    _ values: [Float], _ shape: Shape, from tensor: StoredTensor
  ) -> Float {
    let wanted = tensor.float32Values()
    guard shape == tensor.shape, values.count == wanted.count else { return .infinity }
    let largest = wanted.map(abs).max() ?? 1
    let area = shape.rank == 4 ? shape[2] * shape[3] : 1
    let channels = shape[1]
    var worst: Float = 0
    for (index, value) in wanted.enumerated() {
      // The file has N, C, H, W and the plan N, H, W, C.
      let (image, channel, cell) = (
        index / (channels * area), index / area % channels, index % area
      )
      let difference = abs(values[(image * area + cell) * channels + channel] - value)
      worst = difference.isNaN ? .infinity : max(worst, difference)
    }
    return worst / largest
  }

  /// What float32 sums of some hundred products, one layer after the other, were allowed to differ: in
  /// parts of the largest number, 3e-6 was seen at most, and any wrong stride, padding, epsilon or order
  /// moves some number by more than 1e-2.
  static let tolerance: Float = 2e-5
}
