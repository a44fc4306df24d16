import Detection
import Families
import FasterRCNN
import Networks
import Tensors
import Testing

@testable import Training

struct TrainableModelTests {
  /// A tensor of any size whose elements are all one number in memory.
  private func alike(_ shape: Shape, _ value: Float) throws -> StoredTensor {
    let one = StoredTensor(Tensor(shape: [1], values: [value]))
    return try #require(
      StoredTensor(
        elementType: .float32, shape: shape, strides: shape.dimensions.map { _ in 0 },
        storage: one.storage, byteOffset: 0))
  }

  @Test(arguments: TrainableModel.Architecture.allCases)
  func everyArchitectureMakesANetwork(_ architecture: TrainableModel.Architecture) throws {
    let family = try #require(Family.named(architecture.familyName))
    let anchorCount = architecture.familyName.hasPrefix("torchvision") ? 3 : 9
    var state = StateDictionary()
    for (name, shape) in architecture.shapes(classCount: 5, anchorCount: anchorCount) {
      state[family.fileName(ofTensor: name)] = try alike(shape, 1)
    }
    let blueprint = try Blueprint(Evidence(state), options: architecture.settings)
    #expect(blueprint.unknownNames.isEmpty)
    let networks = try DetectorNetworks(blueprint.state, blueprint.architecture)
    #expect(networks.unusedTensors.isEmpty)
    #expect(networks.classCount == 6 && networks.pooledSize == 7)
    #expect(networks.anchorsPerCell == blueprint.detection.levels[0].anchors.anchorsPerCell)
    #expect(networks.levels.count == blueprint.detection.levels.count)
    let names: [TrainableModel.Architecture: String] = [
      .narrowVGG: "VGG with 10 convolutions", .vgg16: "VGG with 13 convolutions",
      .resnet18FPN: "ResNet-18 FPN", .resnet50FPN: "ResNet-50 FPN",
    ]
    #expect(networks.architectureName == names[architecture])
  }

  @Test func everyTensorOfAFreshModelLearns() throws {
    let model = try TrainableModel(.narrowVGG, labels: ["one", "two"])
    #expect(model.blueprint.family.name == "simple-faster-rcnn")
    #expect(!model.origins.contains { $0.isTakenOver })
    var settings = TrainingSettings(schedule: LearningRateSchedule(baseRate: 0.01))
    settings.trainsNormalisation = true
    let trainer = try Trainer(model, settings: settings)
    let learning = model.blueprint.state.names.filter { !$0.contains(".running_") }
    #expect(Set(trainer.trainedNames) == Set(learning))
    // The same seed draws the same weights, another one others.
    let again = try TrainableModel(.narrowVGG, labels: ["one", "two"])
    let other = try TrainableModel(.narrowVGG, labels: ["one", "two"], seed: 1)
    func weights(_ model: TrainableModel) -> [Float]? {
      model.blueprint.state["rpn.conv.0.weight"]?.float32Values()
    }
    #expect(weights(again) == weights(model) && weights(other) != weights(model))
    let values = try #require(weights(model)).map { Double($0) }
    let deviation = (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
    #expect(abs(deviation - 0.01) < 2e-4)
  }

  @Test func classifiersHaveTorchvisionsNames() {
    let names = [
      ("backbone.features.10.bias", "features.10.bias"),
      ("head.fc.0.weight", "classifier.0.weight"),
      ("head.fc.2.bias", "classifier.3.bias"), ("backbone.stem.weight", "conv1.weight"),
      ("backbone.stem.norm.running_var", "bn1.running_var"),
      ("backbone.layer3.5.conv2.weight", "layer3.5.conv2.weight"),
      ("backbone.layer1.0.conv3.norm.bias", "layer1.0.bn3.bias"),
      ("backbone.layer4.0.shortcut.weight", "layer4.0.downsample.0.weight"),
      ("backbone.layer2.0.shortcut.norm.weight", "layer2.0.downsample.1.weight"),
    ]
    for (ours, theirs) in names { #expect(ClassifierNames.name(ofTensor: ours) == theirs) }
    for other in [
      "rpn.conv.0.weight", "neck.lateral.0.bias", "head.class.weight", "head.fc.1.bias",
    ] {
      #expect(ClassifierNames.name(ofTensor: other) == nil)
    }
  }

  @Test func aClassifiersFeaturesAreTakenOver() throws {
    var classifier = StateDictionary()
    classifier["features.0.weight"] = StoredTensor(
      Tensor(shape: [16, 3, 3, 3], repeating: 0.25))
    classifier["features.3.weight"] = StoredTensor(Tensor(shape: [64, 64, 3, 3]))
    let model = try TrainableModel(.narrowVGG, labels: ["one"], classifier: classifier)
    let origins = Dictionary(uniqueKeysWithValues: model.origins.map { ($0.name, $0) })
    #expect(origins["extractor.0.weight"]?.isTakenOver == true)
    #expect(model.blueprint.state["backbone.features.0.weight"]?.float32Values()[7] == 0.25)
    let other = try #require(origins["extractor.3.weight"])
    #expect(!other.isTakenOver && other.reason.contains("64"))
    #expect(origins["head.score.weight"]?.isTakenOver == false)
    #expect(throws: TrainingError.self) {
      try TrainableModel(.narrowVGG, labels: ["one"], classifier: StateDictionary())
    }
  }

  @Test func aServedModelKeepsWhatFits() throws {
    let blueprint = try Model.embeddedBlueprint()
    let same = try TrainableModel(blueprint, labels: ["RBC", "WBC", "Platelets"])
    #expect(!same.origins.contains { !$0.isTakenOver })
    let other = try TrainableModel(blueprint, labels: ["one", "two"])
    let fresh = other.origins.filter { !$0.isTakenOver }.map(\.name)
    #expect(
      Set(fresh) == [
        "head.cls_loc.weight", "head.cls_loc.bias", "head.score.weight", "head.score.bias",
      ])
    #expect(other.blueprint.state["head.boxes.weight"]?.shape[0] == 12)
    #expect(other.blueprint.card.labels == ["one", "two"])
    #expect(other.blueprint.card.text(.name) == nil)
    #expect(throws: TrainingError.self) { try TrainableModel(blueprint, labels: []) }
    #expect(throws: TrainingError.self) { try TrainableModel(blueprint, labels: ["a", "a"]) }
  }
}
