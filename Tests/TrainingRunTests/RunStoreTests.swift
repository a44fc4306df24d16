import Checkpoints
import Foundation
import Tensors
import Testing
import TrainingReport

@testable import TrainingRun

/// A folder that is removed at the end.
final class TemporaryFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "frcnn-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appending(path: name).path }
}

@Suite struct RunStoreTests {
  private func state(_ value: Float) -> StateDictionary {
    var state = StateDictionary(metadata: ["draws": "17"])
    state["w"] = StoredTensor(Tensor(shape: [2], values: [value, -value]))
    return state
  }

  private func record(_ iteration: Int) -> RunRecord {
    RunRecord(
      iteration: iteration, stepCount: 50, seconds: 12.5, settings: ["seed": "7", "rate": "0.1"])
  }

  private var history: TrainingHistory {
    var history = TrainingHistory()
    for step in 1...3 {
      history.steps.append(
        .init(
          iteration: step, epoch: 0.5, rate: 0.25, total: 4, rpnClassification: 1,
          rpnRegression: 0.5, roiClassification: 0.125, roiRegression: 2, gradientNorm: 3))
    }
    history.validations = [.init(iteration: 2, epoch: 1, classes: [0.5, nil])]
    return history
  }

  @Test func whatIsSavedIsReadAgain() throws {
    let folder = try TemporaryFolder()
    let store = RunStore(folder: folder.path("run"))
    #expect(store.isEmpty)
    #expect(try store.latest() == nil)
    let path = try store.save(trainer: state(3), history: history, record: record(3))
    let saved = try #require(try store.latest())
    #expect(saved.path == path && saved.passedOver.isEmpty)
    #expect(saved.trainer["w"]?.float32Values() == [3, -3])
    #expect(saved.trainer.names == ["w"] && saved.trainer.metadata == ["draws": "17"])
    #expect(saved.history == history)
    #expect(saved.record == record(3))
  }

  @Test func fewAreKeptAndABrokenOneIsPassedOver() throws {
    let folder = try TemporaryFolder()
    let store = RunStore(folder: folder.path("run"), keptCount: 2)
    for iteration in [9, 10, 100] {
      try store.save(trainer: state(Float(iteration)), history: history, record: record(iteration))
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: store.folder).sorted()
    #expect(names == ["step-00000010.safetensors", "step-00000100.safetensors"])
    // As after a disk that lied about what it had written.
    let newest = folder.path("run/step-00000100.safetensors")
    let bytes = try Data(contentsOf: URL(filePath: newest))
    try bytes.prefix(bytes.count / 2).write(to: URL(filePath: newest))
    let saved = try #require(try store.latest())
    #expect(saved.record.iteration == 10)
    #expect(saved.passedOver.count == 1 && saved.passedOver[0].contains("step-00000100"))
    try Data().write(to: folder.url.appending(path: "run/step-00000010.safetensors"))
    #expect(throws: CheckpointError.self) { try store.latest() }
  }

  @Test func whatWasGoodBeforeADivergenceStays() throws {
    let folder = try TemporaryFolder()
    let store = RunStore(folder: folder.path("run"), keptCount: 1)
    try store.save(trainer: state(1), history: history, record: record(1))
    try store.save(
      trainer: state(2), history: history, record: record(2), removesOlder: false)
    let names = try FileManager.default.contentsOfDirectory(atPath: store.folder).sorted()
    #expect(names == ["step-00000001.safetensors", "step-00000002.safetensors"])
  }

  @Test func aFolderThatCannotBeMadeIsTold() throws {
    let folder = try TemporaryFolder()
    try Data().write(to: folder.url.appending(path: "file"))
    let store = RunStore(folder: folder.path("file/run"))
    #expect(throws: CheckpointError.self) {
      try store.save(trainer: state(1), history: history, record: record(1))
    }
  }

  @Test func allIsRemovedAtTheEnd() throws {
    let folder = try TemporaryFolder()
    let store = RunStore(folder: folder.path("run"))
    try store.save(trainer: state(1), history: history, record: record(1))
    try store.saveBest(state(2))
    store.removeAll()
    #expect(!FileManager.default.fileExists(atPath: store.folder))
  }

  @Test func anotherTrainingIsToldApart() throws {
    let saved = try RunRecord(json: record(3).json)
    #expect(saved == record(3))
    #expect(saved.differences(from: saved.settings).isEmpty)
    #expect(
      saved.differences(from: ["seed": "8", "batch": "2"]) == [
        "batch was nothing and is 2 now", "rate was 0.1 and is nothing now",
        "seed was 7 and is 8 now",
      ])
    for broken in ["", "{}", "{\"version\":2}", "{\"version\":1,\"iteration\":-1}"] {
      #expect(throws: (any Error).self) { try RunRecord(json: broken) }
    }
  }

  @Test func theModelIsMeasuredWhereEpochsEnd() {
    // Five pictures, two a step: epochs end within steps 3 (6 pictures), 5 (10) and 8 (15).
    let plan = RunPlan(stepCount: 9, picturesPerStep: 2)
    #expect((1...9).filter { plan.isMeasured(after: $0, pictureCount: 5) } == [3, 5, 8, 9])
    let rare = RunPlan(stepCount: 9, picturesPerStep: 2, validationInterval: 2)
    #expect((1...9).filter { rare.isMeasured(after: $0, pictureCount: 5) } == [5, 9])
  }
}
