import Checkpoints
import Detection
import Foundation
import Tensors
import Testing

@testable import Compute

/// The operations of a detector's training against PyTorch's autograd in double precision, and against what a
/// small step changes: `training_operations.py` in `scripts/fixtures` cut the numbers.
struct TrainingOperationTests {
  struct Settings: Decodable, Sendable {
    var kind: String
    var stride: Int?
    var padding_top_left_bottom_right: [Int]?
    var padding: Int?
    var groups: Int?
    var dilation: Int?
    var relu: Bool?
    var kernel: Int?
    var ceil_mode: Bool?
    var count_include_pad: Bool?
    var eps: Double?
    var mode: String?
    var size: Int?
    var scale: Float?
    var sampling_ratio: Int?
    var aligned: Bool?
    var beta: Float?
    var gradients: [String]
    var other_inputs: [String]
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var settings: Settings

    var testDescription: String { name }
  }

  static let cases: [Case] = {
    let file = OperationTests.folder.appendingPathComponent("training-operations.json")
    do {
      return try JSONDecoder().decode([String: Settings].self, from: Data(contentsOf: file))
        .map(Case.init).sorted { $0.name < $1.name }
    } catch {
      Issue.record("\(file.path): \(error)")
      return []
    }
  }()

  /// What is no layer of a network.
  static let loose: Set<String> = [
    "roi_pool", "roi_align", "smooth_l1", "l1", "bce_with_logits", "cross_entropy",
  ]

  static let layers = cases.filter { !loose.contains($0.settings.kind) }

  static let tensors = Result {
    try Checkpoint.open(
      OperationTests.folder.appendingPathComponent("training-operations.safetensors").path
    ).stateDictionary
  }

  private func tensor(_ given: Case, _ name: String) throws -> StoredTensor {
    try #require(Self.tensors.get()["\(given.name).\(name)"], "\(given.name).\(name)")
  }

  /// Sums of up to 700 products in single precision: 2e-6 of the largest number was seen, and of Winograd's
  /// algorithm 2e-5.
  private func expect(
    _ found: [Float], _ wanted: [Float], within tolerance: Float = 1e-5, _ what: String
  ) {
    #expect(found.count == wanted.count, "\(what)")
    let largest = max(wanted.map(abs).max() ?? 1, .leastNormalMagnitude)
    let difference = zip(found, wanted).map { abs($0 - $1) }.max() ?? 0
    #expect(difference <= tolerance * largest, "\(what): \(difference) of \(largest)")
  }

  @Test func allAreThere() {
    #expect(Self.cases.count == 56 && Self.layers.count == 43)
  }

  // MARK: Layers

  /// The inputs of a layer that are maps or rows; the others are weights.
  private func inputNames(_ given: Case) -> [String] {
    switch given.settings.kind {
    case "upsample_nearest_add": ["top", "lateral"]
    case "add": ["x", "y"]
    case "scale_channels": ["x", "scale"]
    default: ["x"]
    }
  }

  /// The gradients that a training has of a layer: a normalisation that keeps its statistics stays as it is,
  /// and so do the factors of one by groups.
  private func learntNames(_ given: Case) -> [String] {
    switch given.settings.kind {
    case "group_norm": ["x"]
    case "batch_norm" where given.settings.mode != "batch statistics": ["x"]
    default: given.settings.gradients
    }
  }

  /// The layer alone, with such inputs and weights.
  private func network(_ given: Case, _ values: [String: StoredTensor]) throws -> Network {
    let (name, settings) = (given.name, given.settings)
    func tensor(_ name: String) throws -> StoredTensor { try #require(values[name], "\(name)") }
    func numbers(_ name: String) throws -> [Float] { try tensor(name).float32Values() }
    let inputs = try inputNames(given).map(tensor)
    var network = Network(inputs: inputs.map { $0.shape[1] })
    let x = network.input
    let activation: Network.Activation = settings.relu == true ? .relu : .none
    func factors() throws -> NormalisationFactors {
      NormalisationFactors(
        name: name, scale: try numbers("weight"), bias: try numbers("bias"),
        mean: try numbers("mean"), variance: try numbers("variance"),
        epsilon: try #require(settings.eps))
    }
    func window() throws -> Network.Window {
      Network.Window(
        size: try #require(settings.kernel), stride: try #require(settings.stride),
        padding: settings.padding ?? 0, roundsUp: settings.ceil_mode ?? false)
    }
    let value: Network.Value
    switch settings.kind {
    case "convolution":
      let weights = try tensor("weight")
      let sides = try #require(settings.padding_top_left_bottom_right)
      value = network.convolution(
        x, weights: LayerWeights(weights, biases: values["bias"]?.float32Values()),
        window: .init(
          size: weights.shape[2], stride: try #require(settings.stride),
          padding: .init(top: sides[0], left: sides[1], bottom: sides[2], right: sides[3]),
          dilation: settings.dilation ?? 1),
        groups: settings.groups ?? 1, activation: activation, name: name)
    case "linear":
      value = network.linear(
        x, weights: LayerWeights(try tensor("weight"), biases: try numbers("bias")),
        activation: activation, name: name)
    case "max_pool": value = network.maxPooling(x, window: try window(), name: name)
    case "average_pool":
      value = network.averagePooling(
        x, window: try window(), countsPadding: settings.count_include_pad == true, name: name)
    case "global_average_pool": value = network.globalAveragePooling(x, name: name)
    case "upsample_nearest_add":
      let enlarged = network.upsampleNearest(x, toSizeOf: network.inputs[1], name: "enlarged")
      value = network.add(network.inputs[1], enlarged, name: name)
    case "add": value = network.add(x, network.inputs[1], activation: activation, name: name)
    case "scale_channels": value = network.scaleChannels(x, by: network.inputs[1], name: name)
    case "frozen_batch_norm", "batch_norm":
      value = network.batchNormalisation(x, factors: try factors(), name: name)
    case "group_norm":
      value = network.groupNormalisation(
        x, groups: try #require(settings.groups), scale: try numbers("weight"),
        bias: try numbers("bias"), epsilon: Float(try #require(settings.eps)), name: name)
    case "softmax": value = network.softmax(x, name: name)
    case "relu": value = network.activation(x, .relu, name: name)
    case "relu6": value = network.activation(x, .relu6, name: name)
    case "hardswish": value = network.activation(x, .hardSwish, name: name)
    case "hardsigmoid": value = network.activation(x, .hardSigmoid, name: name)
    case "sigmoid": value = network.activation(x, .sigmoid, name: name)
    case "silu": value = network.activation(x, .silu, name: name)
    default:
      Issue.record("no layer of kind \(settings.kind)")
      value = x
    }
    network.output(value)
    return network
  }

  private func given(_ given: Case) throws -> [String: StoredTensor] {
    var values: [String: StoredTensor] = [:]
    for name in given.settings.gradients + given.settings.other_inputs {
      values[name] = try tensor(given, "input.\(name)")
    }
    return values
  }

  private func run(
    _ given: Case, _ values: [String: StoredTensor],
    _ convolution: PlanOptions.ConvolutionAlgorithm = .direct
  ) throws -> TrainingStepResult {
    let isFrozen =
      given.settings.kind == "frozen_batch_norm"
      || given.settings.mode?.hasPrefix("running") == true
    return try step(
      network(given, values),
      inputNames(given).map { name in
        let tensor = try #require(values[name])
        return (tensor.shape, tensor.float32Values())
      }, upstream: tensor(given, "upstream").float32Values(), convolution: convolution
    ) { _ in !isFrozen }
  }

  /// The gradient of one of a layer's inputs or weights.
  private func gradient(
    _ name: String, _ given: Case, _ found: TrainingStepResult
  ) throws -> [Float] {
    if let index = inputNames(given).firstIndex(of: name) {
      return try #require(found.inputs[index], "no gradient of \(name)")
    }
    return try #require(found.parameters["\(given.name).\(name)"], "no gradient of \(name)")
  }

  @Test(arguments: layers) func gradientsAreAutograds(_ given: Case) throws {
    let values = try self.given(given)
    for algorithm in [PlanOptions.ConvolutionAlgorithm.direct, .fastest] {
      // Winograd's transforms cost about a digit.
      let tolerance: Float = algorithm == .direct ? 1e-5 : 1e-4
      if algorithm == .fastest, given.settings.kind != "convolution" { continue }
      let found = try run(given, values, algorithm)
      expect(
        found.output, try tensor(given, "output").float32Values(), within: tolerance, "output")
      for name in learntNames(given) {
        expect(
          try gradient(name, given, found),
          try tensor(given, "gradient.\(name)").float32Values(), within: tolerance, name)
      }
      guard given.settings.mode == "batch statistics" else { continue }
      for (name, running) in [("mean", "running_mean"), ("var", "running_variance")] {
        expect(
          try #require(found.statistics["\(given.name).running_\(name)"]),
          try tensor(given, running).float32Values(), running)
      }
    }
  }

  /// Along any direction a loss changes by the product of the direction with the gradient.
  ///
  /// Not at the kinks of activations, which some of a step's many numbers cross: those are autograd's alone. Of
  /// maxima the numbers are whole ones, all different, in which a small step changes no order.
  @Test(
    arguments: layers.filter {
      $0.settings.relu != true && !$0.name.hasSuffix("_ties")
        && !["relu", "relu6", "hardswish", "hardsigmoid"].contains($0.settings.kind)
    })
  func gradientsAreSlopes(_ given: Case) throws {
    var values = try self.given(given)
    var shuffling = SplitMix64(seed: 5)
    if given.settings.kind == "max_pool" {
      let shape = try #require(values["x"]).shape
      values["x"] = StoredTensor(
        Tensor(
          shape: shape, values: (0..<shape.count).shuffled(using: &shuffling).map { Float($0) }))
    }
    let names = learntNames(given)
    let found = try run(given, values)
    let upstream = try tensor(given, "upstream").float32Values()
    // A power of two, with which whole numbers are moved exactly.
    let size: Float = 0x1p-9
    for seed in 0..<2 {
      var generator = SplitMix64(seed: UInt64(seed))
      var directions: [String: [Float]] = [:]
      for name in names {
        let count = try #require(values[name]).shape.count
        directions[name] = (0..<count).map { _ in generator.next() >> 63 == 0 ? size : -size }
      }
      func loss(_ factor: Float) throws -> Double {
        var moved = values
        for (name, direction) in directions {
          let tensor = try #require(values[name])
          moved[name] = StoredTensor(
            Tensor(
              shape: tensor.shape,
              values: zip(tensor.float32Values(), direction).map { $0 + factor * $1 }))
        }
        return zip(try run(given, moved).output, upstream).reduce(0) {
          $0 + Double($1.0) * Double($1.1)
        }
      }
      let slope = try (loss(1) - loss(-1)) / 2
      var (product, square) = (0.0, 0.0)
      for (name, direction) in directions {
        for (value, step) in zip(try gradient(name, given, found), direction) {
          product += Double(value) * Double(step)
          square += Double(value) * Double(value)
        }
      }
      // The product is about as large as the gradient is long; a hundredth of that is what the curvature of
      // the layers and the rounding of the sums leave at this step.
      #expect(
        abs(slope - product) <= 0.01 * Double(size) * square.squareRoot(),
        "\(slope), \(product), \(square.squareRoot())")
    }
  }

  // MARK: RoIs and losses

  /// What an operation that is no layer gives, and its gradient.
  private func result(_ given: Case, _ x: Tensor) throws -> (output: [Float], gradient: [Float]) {
    let settings = given.settings
    let upstream = try tensor(given, "upstream").float32Values()
    func labels(_ name: String) throws -> [Int] {
      try tensor(given, "input.\(name)").float32Values().map { Int($0) }
    }
    switch settings.kind {
    case "roi_pool", "roi_align":
      let rows = try tensor(given, "input.rois").float32Values()
      let size = try #require(settings.size)
      let starts = Array(stride(from: 0, to: rows.count, by: 5))
      let rois = starts.map {
        BoundingBox(
          yMin: rows[$0 + 2], xMin: rows[$0 + 1], yMax: rows[$0 + 4], xMax: rows[$0 + 3])
      }
      let kind: RoIPooling.Operator =
        settings.kind == "roi_pool"
        ? .pool
        : .align(
          samplingRatio: settings.sampling_ratio.flatMap { $0 > 0 ? $0 : nil },
          aligned: settings.aligned == true)
      let pooling = RoIPooling(
        kind, outputSize: size, spatialScale: SpatialScale(try #require(settings.scale)))
      let images = starts.map { Int(rows[$0]) }
      let pooled = pooling.pool(x, rois: rois, imageIndices: images)
      let gradient = pooling.gradient(
        Tensor(shape: pooled.shape, values: upstream), features: x, rois: rois,
        imageIndices: images)
      return (pooled.values, gradient.values)
    case "smooth_l1", "l1":
      let target = try tensor(given, "input.target").float32Values()
      let loss = SmoothL1Loss(
        sigma: settings.kind == "l1" ? .infinity : 1 / (try #require(settings.beta)).squareRoot())
      let differences = zip(x.values, target).map { $0 - $1 }
      let sum = differences.reduce(0.0) { $0 + Double(loss.value($1)) }
      return ([Float(sum)], differences.map { loss.derivative($0) * upstream[0] })
    case "bce_with_logits":
      let loss = BinaryCrossEntropyLoss(
        logits: x.values, labels: try labels("target").map { $0 == 1 ? .foreground : .background })
      return ([loss.value], loss.gradient.map { $0 * upstream[0] })
    default:
      let loss = CrossEntropyLoss(logits: x, labels: try labels("label"))
      return ([loss.value], loss.gradient.map { $0 * upstream[0] })
    }
  }

  private func input(_ given: Case) throws -> Tensor {
    let stored = try tensor(given, "input.x")
    return Tensor(shape: stored.shape, values: stored.float32Values())
  }

  @Test(arguments: cases.filter { loose.contains($0.settings.kind) })
  func gradientsOfPoolingAndLossesAreAutograds(_ given: Case) throws {
    let found = try result(given, input(given))
    expect(found.output, try tensor(given, "output").float32Values(), "output")
    expect(found.gradient, try tensor(given, "gradient.x").float32Values(), "gradient")
  }

  /// The losses alone: `RoIPoolingGradientTests` has the slopes of pooling.
  @Test(
    arguments: cases.filter {
      ["smooth_l1", "bce_with_logits", "cross_entropy"].contains($0.settings.kind)
    })
  func gradientsOfLossesAreSlopes(_ given: Case) throws {
    let x = try input(given)
    let found = try result(given, x)
    let upstream = try Double(tensor(given, "upstream").float32Values()[0])
    let size: Float = 1e-2
    let largest = Double(try #require(found.gradient.map(abs).max()))
    for (index, wanted) in found.gradient.enumerated() {
      func loss(_ change: Float) throws -> Double {
        var moved = x
        moved.values[index] += change
        return try Double(result(given, moved).output[0]) * upstream
      }
      let slope = try (loss(size) - loss(-size)) / Double(2 * size)
      // A bend within the step costs a quarter of it over beta, 0.0225 of the steepest slope.
      #expect(abs(slope - Double(wanted)) <= 0.03 * largest, "number \(index): \(slope)")
    }
  }
}
