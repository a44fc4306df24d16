import Checkpoints
import Detection
import Families
import Images
import Tensors
import Testing
import Training
import TrainingData
import TrainingReport

@testable import TrainingRun

/// Pictures that are made when they are asked for: what a program may train on instead of files.
private struct MadeSet: TrainingSet {
  var labels = ["light", "dark"]
  var count = 4
  /// A picture that cannot be read.
  var broken: Int?

  func name(at index: Int) -> String { "made \(index)" }

  func example(at index: Int) throws(TrainingSetError) -> TrainingExample {
    if index == broken { throw TrainingSetError(path: name(at: index), reason: "it is gone") }
    var canvas = Canvas(
      Image(width: 64, height: 64, pixels: [UInt8](repeating: 120, count: 3 * 64 * 64)))
    let left = 4 + 6 * index
    canvas.fill(columns: left..<left + 30, rows: 20..<52, colour: index % 2 == 0 ? .white : .black)
    let box = BoundingBox(yMin: 20, xMin: Float(left), yMax: 52, xMax: Float(left + 30))
    return TrainingExample(
      name: name(at: index), picture: canvas.image,
      objects: [.init(box: box, classIndex: index % 2)])
  }
}

@Suite struct TrainingRunTests {
  private func trainer(steps: Int) throws -> Trainer {
    var card = ModelCard()
    card[.minimumSide] = .integer(64)
    card[.maximumSide] = .integer(64)
    card[.anchorScales] = .list([.number(1), .number(2), .number(3)])
    let model = try TrainableModel(.narrowVGG, labels: MadeSet().labels, settings: card, seed: 5)
    var settings = TrainingSettings(
      schedule: .init(baseRate: 0.002, course: .cosine(end: steps, floor: 0.01)))
    settings.maximumGradientNorm = 10
    settings.averageDecay = 0.8
    return try Trainer(model, settings: settings)
  }

  private let plan = RunPlan(
    stepCount: 6, picturesPerStep: 2, seed: 3, checkpointInterval: .zero)

  private func bytes(_ model: StateDictionary) throws -> [UInt8] {
    try SafetensorsWriter(model).bytes()
  }

  @Test func stoppedAndResumedItComesToTheSameModel() throws {
    let folder = try TemporaryFolder()
    let validator = Validator(MadeSet(), threadCount: 1)
    let whole = TrainingRun(
      try trainer(steps: 6), MadeSet(), plan: plan, validator: validator)
    var steps: [Int] = []
    let ending = try whole.run(isStopping: { false }) { event in
      if case .step(let report, _) = event { steps.append(report.iteration) }
    }
    #expect(ending == .finished)
    #expect(steps == Array(1...6))
    // Two steps an epoch, each measured at its end.
    #expect(whole.history.validations.map(\.iteration) == [2, 4, 6])

    let store = RunStore(folder: folder.path("run"))
    let first = TrainingRun(
      try trainer(steps: 6), MadeSet(), plan: plan, store: store, validator: validator,
      settings: ["seed": "3"])
    var done = 0
    let half = try first.run(isStopping: { done >= 3 }) { event in
      if case .step = event { done += 1 }
    }
    #expect(half == .stopped)
    let saved = try #require(try store.latest())
    #expect(saved.record.iteration == 3 && saved.record.settings == ["seed": "3"])
    let again = try trainer(steps: 6)
    try again.restore(saved.trainer)
    let second = TrainingRun(
      again, MadeSet(), plan: plan, store: store, validator: validator, resuming: saved)
    #expect(try second.run() == .finished)
    #expect(second.history == whole.history)
    let (result, remark) = try second.result()
    #expect(remark == nil)
    #expect(try bytes(result) == bytes(whole.result().model))
  }

  @Test func aPictureThatIsGoneEndsItWithWhatWasLearnt() throws {
    let folder = try TemporaryFolder()
    let store = RunStore(folder: folder.path("run"))
    let run = TrainingRun(
      try trainer(steps: 6), MadeSet(broken: 2), plan: plan, store: store)
    let error = try #require(throws: RunError.self) { try run.run() }
    #expect("\(error)" == "made 2: it is gone")
    let saved = try #require(try store.latest())
    #expect(saved.record.iteration == run.trainer.iteration)
  }

  @Test func whenTheTimeIsUpItIsMeasuredAndEnds() throws {
    var plan = plan
    plan.timeLimit = .zero
    let run = TrainingRun(
      try trainer(steps: 6), MadeSet(), plan: plan,
      validator: Validator(MadeSet(), threadCount: 1))
    #expect(try run.run() == .timeUp)
    #expect(run.history.validations.count == 1 && run.history.steps.isEmpty)
  }
}
