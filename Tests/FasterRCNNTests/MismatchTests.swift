import Checkpoints
import Foundation
import Tensors
import Testing

@testable import FasterRCNN

/// A model whose parts do not fit fails when it is opened, and the message says which and how.
struct MismatchTests {
  static func zeros(_ shape: Shape) -> StoredTensor? {
    StoredTensor(
      elementType: .float32, shape: shape,
      storage: ByteStorage(copying: [UInt8](repeating: 0, count: 4 * shape.count)), byteOffset: 0)
  }

  /// Opens a fixture of simple-faster-rcnn's after some change to its tensors.
  static func open(
    _ fixture: String = "simple-faster-rcnn.safetensors", options: Model.Options = .init(),
    settings: String? = nil, changed change: (inout StateDictionary) throws -> Void = { _ in }
  ) throws -> Model {
    var state = try Checkpoint.open(Golden.path(fixture)).stateDictionary
    try change(&state)
    if let settings { state.metadata[Model.settingsMetadataKey] = settings }
    let path = FileManager.default.temporaryDirectory
      .appending(path: "frcnn-\(UUID().uuidString).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try SafetensorsWriter(state).write(to: path)
    return try Model.open(path, options: options)
  }

  static func message(_ body: () throws -> Model) -> String {
    let error = #expect(throws: ModelError.self) { _ = try body() }
    return error.map { "\($0)" } ?? ""
  }

  @Test func anUnchangedFixtureFits() throws {
    #expect(try Self.open().description.labels.count == 5)
  }

  /// Also a bias: to take zeros for it would answer something else without a word.
  @Test(arguments: [
    "simple-faster-rcnn.safetensors", "bubbliiiing-resnet50.pth",
  ])
  func aMissingTensorIsNamed(fixture: String) throws {
    let state = try Checkpoint.open(Golden.path(fixture)).stateDictionary
    let names = state.names.filter { !$0.hasSuffix(".num_batches_tracked") }
    #expect(names.count >= 40)
    for name in names {
      // What tells the family has to stay.
      let isProof = ["extractor.4.0.conv1.weight", "extractor/conv1_1/conv/W"].contains(name)
      guard !isProof else { continue }
      let message = Self.message { try Self.open(fixture) { $0[name] = nil } }
      #expect(message.contains("\"\(name)\""), "\(name): \(message)")
    }
  }

  /// Each change, and the tensor, the shape found and the shape wanted that the message must have.
  @Test func aWrongShapeIsToldWithTheShapeWanted() throws {
    let original = try Checkpoint.open(Golden.path("simple-faster-rcnn.safetensors"))
      .stateDictionary
    func shape(_ name: String) throws -> Shape { try #require(original[name]).shape }
    let second = try shape("extractor.2.weight")
    let rpn = try shape("rpn.conv1.weight")
    let loc = try shape("head.cls_loc.weight")
    let cases: [(String, Shape, String)] = [
      // One channel more than the layer before makes.
      (
        "extractor.2.weight", [second[0], second[1] + 1, 3, 3], "any x\(second[1])x3x3"
      ),
      ("rpn.conv1.weight", [rpn[0], rpn[1], 5, 5], "any x\(rpn[1])x3x3"),
      // An odd number of rows is no pair for each anchor.
      ("rpn.score.weight", [17, rpn[0], 1, 1], "two rows"),
      // Offsets for 8 anchors where the scores have 9.
      ("rpn.loc.weight", [32, rpn[0], 1, 1], "36 rows"),
      ("head.cls_loc.weight", [loc[0] - 4, loc[1]], "\(loc[0])x\(loc[1])"),
      ("head.score.weight", [1, loc[1]], "background"),
      ("extractor.0.bias", [3], "needs \(try shape("extractor.0.weight")[0])"),
    ]
    for (name, found, wanted) in cases {
      let message = Self.message {
        try Self.open {
          $0[name] = Self.zeros(found)
          // Biases of the old length must not be what is found.
          if name.hasSuffix(".weight") {
            $0[String(name.dropLast("weight".count)) + "bias"] = Self.zeros([found[0]])
          }
        }
      }
      #expect(message.contains(name), "\(message)")
      #expect(message.contains("\(found)"), "\(name): \(message)")
      #expect(message.contains(wanted), "\(name): \(message)")
    }
  }

  @Test("C37: whole numbers are no weights", arguments: [ElementType.int8, .uint8, .int64])
  func wholeNumbersAreNoWeights(type: ElementType) throws {
    let message = Self.message {
      try Self.open { state in
        let shape = try #require(state["extractor.2.weight"]).shape
        let bytes = [UInt8](repeating: 1, count: shape.count * type.byteCount)
        state["extractor.2.weight"] = StoredTensor(
          elementType: type, shape: shape, storage: ByteStorage(copying: bytes), byteOffset: 0)
      }
    }
    #expect(message.contains("\"extractor.2.weight\" holds \(type)"), "\(message)")
    #expect(message.contains("no weights"), "\(message)")
  }

  @Test func anchorsHaveToBeAsManyAsTheScoresHave() {
    let message = Self.message { try Self.open(settings: #"{"anchor_scales": [8, 16]}"#) }
    #expect(message.contains("rpn.score.weight has 9 anchors"), "\(message)")
    #expect(message.contains("3 ratios x 2 scales"))
  }

  @Test func labelsHaveToBeAsManyAsTheClasses() {
    let message = Self.message { try Self.open(options: .init(labels: ["cat", "dog"])) }
    #expect(message.contains("2 labels"))
    #expect(message.contains("head.score.weight has 5 classes"), "\(message)")
  }

  @Test func aProfileOfAnotherBackboneDoesNotFit() {
    let message = Self.message { try Self.open(options: .init(profile: "bubbliiiing-resnet50")) }
    #expect(message.contains("\"extractor.0.weight\" has shape 8x3x3x3"), "\(message)")
    #expect(message.contains("ResNet"), "\(message)")
  }

  @Test func aProfileThatPoolsOtherwiseDoesNotFit() throws {
    let name = "head.classifier.0.weight"
    let shape = try #require(
      Checkpoint.open(Golden.path("simple-faster-rcnn.safetensors")).stateDictionary[name]
    ).shape
    let smaller: Shape = [shape[0], shape[1] / 49 * 36]
    let message = Self.message { try Self.open { $0[name] = Self.zeros(smaller) } }
    #expect(message.contains("6x6") && message.contains("7x7"), "\(message)")
    #expect(message.contains("--profile"))
  }

  @Test func anotherStrideThanTheBackbonesDoesNotFit() {
    let message = Self.message { try Self.open(settings: #"{"feature_stride": 8}"#) }
    #expect(message.contains("stride is 16") && message.contains("says 8"), "\(message)")
  }
}
