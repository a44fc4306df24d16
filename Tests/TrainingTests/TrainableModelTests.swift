import Families
import FasterRCNN
import Tensors
import Testing

@testable import Training

struct TrainableModelTests {
  @Test(arguments: TrainableModel.Architecture.allCases.filter { $0 != .vgg16 })
  func everyArchitectureMakesANetwork(_ architecture: TrainableModel.Architecture) throws {
    let model = try TrainableModel(architecture, labels: ["one", "two"])
    #expect(model.blueprint.family.name == architecture.familyName)
    #expect(!model.origins.contains { $0.isTakenOver })
    #expect(model.blueprint.unknownNames.isEmpty)
    var settings = TrainingSettings(schedule: LearningRateSchedule(baseRate: 0.01))
    settings.trainsNormalisation = true
    let trainer = try Trainer(model, settings: settings)
    #expect(trainer.trainedNames.contains("head.class.weight"))
    // Every tensor but the running statistics learns.
    let learning = model.blueprint.state.names.filter { !$0.contains(".running_") }
    #expect(Set(trainer.trainedNames) == Set(learning))
  }

  @Test func aClassifiersFeaturesAreTakenOver() throws {
    var classifier = StateDictionary()
    let shapes = TrainableModel.Architecture.resnet18FPN.shapes(classCount: 1, anchorCount: 3)
    for (name, shape) in shapes {
      guard let theirs = ClassifierNames.name(ofTensor: name) else { continue }
      classifier[theirs] = StoredTensor(Tensor(shape: shape, repeating: 0.25))
    }
    for name in ["conv1.weight", "bn1.running_var", "layer2.0.downsample.1.bias"] {
      #expect(classifier[name] != nil, "\(name)")
    }
    classifier["layer1.1.conv2.weight"] = StoredTensor(Tensor(shape: [3]))
    let model = try TrainableModel(.resnet18FPN, labels: ["one"], classifier: classifier)
    let origins = Dictionary(uniqueKeysWithValues: model.origins.map { ($0.name, $0) })
    #expect(origins["backbone.body.layer4.1.bn2.weight"]?.isTakenOver == true)
    #expect(
      model.blueprint.state["backbone.layer4.1.conv2.norm.weight"]?.float32Values()[0] == 0.25)
    let other = try #require(origins["backbone.body.layer1.1.conv2.weight"])
    #expect(!other.isTakenOver && other.reason.contains("[3]"))
    #expect(origins["roi_heads.box_predictor.cls_score.weight"]?.isTakenOver == false)
    #expect(throws: TrainingError.self) {
      try TrainableModel(
        .resnet18FPN, labels: ["one"],
        classifier: StateDictionary())
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
