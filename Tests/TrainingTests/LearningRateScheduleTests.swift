import Tensors
import Testing

@testable import Compute
@testable import Training

/// The rates of `torch.optim.lr_scheduler`, and what PyTorch's SGD makes of twelve numbers, over 50 steps.
struct LearningRateScheduleTests {
  static let warmUp = LearningRateSchedule.WarmUp(iterations: 10)
  static let steps = LearningRateSchedule.Course.steps(iterations: [20, 35], factor: 0.1)
  static let cosine = LearningRateSchedule.Course.cosine(end: 50, floor: 0)

  /// Of simple-faster-rcnn's kind of detector on blood cells: a cosine that begins with the warm-up and ends
  /// a little above 0, `min(1, (i + 1) / 10) ((1 + cos(pi i / 50)) / 2 + 0.005)`.
  static let reference = LearningRateSchedule(
    baseRate: 0.02 * 1.005, course: .cosine(start: 0, end: 50, floor: 0.005 / 1.005),
    warmUp: .init(iterations: 9, startFactor: 0.1))

  static let schedules: [(String, LearningRateSchedule)] = [
    ("constant", LearningRateSchedule(baseRate: 0.02)),
    ("warmup", LearningRateSchedule(baseRate: 0.02, warmUp: warmUp)),
    ("multistep", LearningRateSchedule(baseRate: 0.02, course: steps)),
    ("warmup_multistep", LearningRateSchedule(baseRate: 0.02, course: steps, warmUp: warmUp)),
    ("cosine", LearningRateSchedule(baseRate: 0.02, course: cosine)),
    ("warmup_cosine", LearningRateSchedule(baseRate: 0.02, course: cosine, warmUp: warmUp)),
    ("reference", reference),
  ]

  @Test(arguments: schedules)
  func ratesArePyTorchs(_ name: String, _ schedule: LearningRateSchedule) throws {
    let golden = try Fixture("schedule")
    let tensor = try golden.tensor("rate.\(name)")
    #expect(tensor.elementType == .float64 && tensor.shape == [50])
    let bytes = tensor.contiguousBytes()
    for iteration in 0..<50 {
      let bits = (0..<8).reduce(UInt64(0)) {
        $0 | UInt64(bytes[8 * iteration + $1]) << (8 * UInt64($1))
      }
      let wanted = Double(bitPattern: bits)
      #expect(abs(schedule.rate(at: iteration) - wanted) <= 1e-12, "\(name), step \(iteration)")
    }
  }

  /// A store of vectors that are parameters, each a layer's weights.
  private func store(_ vectors: [[Float]]) throws -> ParameterStore {
    try ParameterStore(
      vectors.enumerated().map { index, values in
        var network = Network(inputChannels: 1)
        let weights = StoredTensor(Tensor(shape: [values.count, 1], values: values))
        network.output(
          network.linear(network.input, weights: LayerWeights(weights), name: "\(index)"))
        return network
      })
  }

  private func setGradient(_ gradient: [Float], of parameter: Parameter) {
    // Safety: the test has as many numbers as the parameter.
    for (index, value) in gradient.enumerated() {
      unsafe parameter.gradientValues[index] = value
    }
  }

  @Test(arguments: schedules)
  func descentIsPyTorchs(_ name: String, _ schedule: LearningRateSchedule) throws {
    let golden = try Fixture("schedule")
    let (gradients, after) = (try golden.values("gradients"), try golden.values("values.\(name)"))
    let initial = try golden.values("initial")
    let thread = try ComputeThread(name: "test", threadCount: 1)
    let found = try thread.run {
      let store = try store([initial])
      let descent = try GradientDescent(store)
      return (0..<50).map { step in
        setGradient(Array(gradients[12 * step..<12 * step + 12]), of: store.parameters[0])
        descent.step(momentum: 0.9) { _ in
          .init(rate: Float(schedule.rate(at: step)), decay: 5e-4)
        }
        return store.parameters[0].read { values in values.indices.map { values[$0] } }
      }
    }
    for (index, (value, wanted)) in zip(found.joined(), after).enumerated() {
      #expect(abs(value - wanted) <= 5e-6, "step \(index / 12)")
    }
  }

  @Test(arguments: [("clip", Float(3)), ("no_clip", 1000)])
  func gradientsAreClippedAsPyTorchDoes(_ name: String, _ maximum: Float) throws {
    let golden = try Fixture("schedule")
    let gradients = try (0..<3).map { try golden.values("\(name).gradient.\($0)") }
    let thread = try ComputeThread(name: "test", threadCount: 1)
    let (norm, found) = try thread.run {
      let store = try store(gradients.map { $0.map { _ in 0 } })
      let descent = try GradientDescent(store)
      for (parameter, gradient) in zip(store.parameters, gradients) {
        setGradient(gradient, of: parameter)
      }
      let norm = descent.finishGradients()
      // A step of rate 1 from 0 leaves the gradient, turned about.
      descent.step(
        momentum: 0, gradientFactor: GradientDescent.factor(clipping: norm, to: maximum)
      ) { _ in .init(rate: 1, decay: 0) }
      return (
        norm,
        store.parameters.map { $0.read { values in values.indices.map { -values[$0] } } }
      )
    }
    let wantedNorm = try golden.values("\(name).total_norm")[0]
    #expect(abs(norm - wantedNorm) <= 1e-6 * wantedNorm)
    for index in 0..<3 {
      expectAlike(
        found[index], try golden.values("\(name).clipped.\(index)"), within: 1e-6, "\(index)")
    }
    #expect(GradientDescent.factor(clipping: 1e9, to: nil) == 1)
    #expect(GradientDescent.factor(clipping: 0, to: 3) == 1)
  }

  @Test func aCosineStaysAtItsFloor() {
    let schedule = LearningRateSchedule(baseRate: 1, course: .cosine(end: 10, floor: 0.05))
    #expect(abs(schedule.rate(at: 10) - 0.05) < 1e-12)
    #expect(abs(schedule.rate(at: 1000) - 0.05) < 1e-12)
  }
}
