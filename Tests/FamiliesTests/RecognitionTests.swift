import Images
import Tensors
import Testing

@testable import Checkpoints
@testable import Families

/// Which family a file is taken for, and what is said where it does not tell.
struct RecognitionTests {
  // The names are those of the families' own files, the profiles those of their own code.
  @Test(arguments: [
    (["extractor.4.0.conv1.weight", "rpn.conv1.weight"], "bubbliiiing-resnet50"),
    (["extractor/conv1_1/conv/W"], "chainercv"),
    (detector + ["backbone.0.0.weight", "backbone.1.conv.0.0.weight"], "torchvision-mobilenet-v2"),
    (
      detector + ["backbone.0.0.weight", "backbone.1.block.0.0.weight"], "torchvision-mobilenet-v3"
    ),
    (detector + ["backbone.0.weight", "backbone.0.bias", "backbone.2.weight"], "torchvision-vgg"),
    (detector + ["backbone.0.weight", "backbone.4.0.conv1.weight"], "torchvision-resnet"),
    (["RCNN_rpn.RPN_Conv.weight", "RCNN_base.4.0.conv1.weight"], "jwyang-resnet"),
    (["conv1_1.weight", "rpn_cls_score.weight", "cls_score.weight"], "py-faster-rcnn"),
    (["conv5.weight", "rpn_cls_score.weight", "cls_score.weight"], "py-faster-rcnn-zf"),
  ])
  func tensorsTellAFamily(names: [String], family: String) throws {
    let found = try Blueprint(.of(names))
    #expect(found.family.name == family)
  }

  /// torchvision's RPN and predictor.
  private static let detector = [
    "rpn.head.cls_logits.weight", "roi_heads.box_predictor.cls_score.weight",
  ]

  @Test(arguments: [
    (detector + ["roi_heads.box.predictor.cls_score.weight"], "maskrcnn-benchmark"),
    (["head.classification_head.cls_logits.weight", "backbone.body.conv1.weight"], "RetinaNet"),
    (["proposal_generator.rpn_head.x", "roi_heads.box_predictor.0.cls_score.weight"], "Cascade"),
    (["transformer.decoder.layers.0.x", "query_embed.weight"], "DETR"),
    (["model.0.conv.weight", "model.1.conv.weight"], "YOLO"),
    (["rpn_head.rpn_cls.weight", "bbox_head.fc_cls.weight"], "upgrade_model_version"),
    (["conv1.weight", "layer1.0.conv1.weight", "fc.weight"], "backbone alone"),
    (["features.0.weight", "classifier.0.weight"], "backbone alone"),
    (["res2_0_branch2a_w"], "Detectron1"),
  ])
  func aStrangerIsNamedWithWhatToDo(names: [String], words: String) {
    let error = #expect(throws: FamilyError.self) { _ = try Blueprint(.of(names)) }
    #expect(error.map { "\($0)" }?.contains(words) == true, "\(String(describing: error))")
  }

  /// py-faster-rcnn's third network has the names of its second; fc7 is narrower (its
  /// `VGG_CNN_M_1024/faster_rcnn_end2end/test.prototxt`).
  @Test(arguments: [([1, 1, 2, 3], 3), ([4, 3], 4), ([4, 3], 2), ([1, 1, 4, 3], 3)])
  func aMediumNetworkIsNoZeilerAndFergus(fc6: [Int], outputs: Int) throws {
    let names = ["conv5.weight", "rpn_cls_score.weight", "cls_score.weight"]
    let evidence = Evidence.of(
      names + ["fc6.weight", "fc7.weight"],
      shapes: ["fc6.weight": Shape(fc6), "fc7.weight": [outputs, 1]])
    guard outputs < fc6[fc6.count - 2] else {
      #expect(try Blueprint(evidence).family.name == "py-faster-rcnn-zf")
      return
    }
    let error = #expect(throws: FamilyError.self) { _ = try Blueprint(evidence) }
    #expect(error.map { "\($0)" }?.contains("VGG_CNN_M_1024") == true)
    var options = ModelCard()
    options[.profile] = .text("py-faster-rcnn-zf")
    #expect(try Blueprint(evidence, options: options).family.name == "py-faster-rcnn-zf")
  }

  @Test(arguments: [
    (CheckpointFormat.pyTorchArchive, "bubbliiiing-vgg"),
    (.pyTorchLegacy, "bubbliiiing-vgg"),
    (.safetensors, "simple-faster-rcnn"),
    (.numPyArchive, "simple-faster-rcnn"),
  ])
  func aFlatFileIsTakenByItsFormatAndThatIsSaid(format: CheckpointFormat, family: String) throws {
    let found = try Blueprint(.of(["extractor.0.weight", "rpn.conv1.weight"], format))
    #expect(found.family.name == family)
    let assumption = try #require(found.assumptions.first)
    #expect(assumption.contains("profile \(family)"))
    #expect(assumption.contains("\(format)"))
    #expect(assumption.contains("--profile"))
  }

  /// What a trainer of simple-faster-rcnn saves, and what others wrap around it (C05, C06, C10, C17, C18).
  @Test(arguments: [CheckpointFormat.pyTorchArchive, .pyTorchLegacy])
  func aNestedFileIsTheOthers(format: CheckpointFormat) throws {
    let inside = try Blueprint(
      .of(["extractor.0.weight", "rpn.conv1.weight"], format, isRoot: false))
    let held = try Blueprint(
      .of(["faster_rcnn.extractor.0.weight", "faster_rcnn.rpn.conv1.weight"], format))
    let parallel = try Blueprint(
      .of(["module._orig_mod.extractor.0.weight", "module._orig_mod.rpn.conv1.weight"], format))
    #expect(inside.family.name == "simple-faster-rcnn")
    #expect(held.family.name == "simple-faster-rcnn")
    #expect(held.assumptions.first?.contains("nested") == true)
    #expect(parallel.family.name == "bubbliiiing-vgg")
  }

  @Test func askingForAProfileLeavesNothingToAssume() throws {
    for name in ["simple-faster-rcnn", "bubbliiiing-vgg", "simple-faster-rcnn-caffe"] {
      var options = ModelCard()
      options[.profile] = .text(name)
      let found = try Blueprint(.of(["extractor.0.weight", "rpn.conv1.weight"]), options: options)
      #expect(found.family.name == name)
      #expect(found.assumptions.isEmpty)
      #expect(found.origins[.minimumSide] == .family)
    }
  }

  /// Python takes 1 for true, as `--caffe-pretrain=1` gives it.
  @Test(arguments: [
    (PickleValue.boolean(true), "simple-faster-rcnn-caffe"),
    (.integer(1), "simple-faster-rcnn-caffe"), (.boolean(false), "simple-faster-rcnn"),
    (.integer(0), "simple-faster-rcnn"), (.none, "simple-faster-rcnn"),
  ])
  func trainingOptionsDecide(isCaffe: PickleValue, family: String) throws {
    let members: [(String, PickleValue)] = [
      ("caffe_pretrain", isCaffe), ("min_size", .integer(480)), ("max_size", .integer(900)),
    ]
    let options = PickleValue.members(members)
    // A dictionary of `config._state_dict()`, or an `argparse.Namespace`.
    for config in [
      options, .object(name: "argparse.Namespace", arguments: [], state: options),
    ] {
      let found = try Blueprint(
        .of(["extractor.0.weight", "rpn.conv1.weight"], attributes: .members([("config", config)])))
      #expect(found.family.name == family)
      #expect(found.assumptions.isEmpty)
      #expect(found.picture.resize.minimumSide == 480)
      #expect(found.picture.resize.maximumSide == 900)
      #expect(found.origins[.minimumSide] == .file)
      // The caffe weights want BGR in 0 to 255 (simple-faster-rcnn, data/dataset.py).
      let isCaffe = family.hasSuffix("caffe")
      #expect(found.picture.preprocessing.channelOrder == (isCaffe ? .bgr : .rgb))
      #expect(found.picture.preprocessing.divisor == (isCaffe ? 1 : 255))
    }
  }

  @Test(arguments: [0, -600, 8193, 1 << 62])
  func sidesThatMakeNoSenseAreLeftOut(side: Int) throws {
    let config = PickleValue.members([("min_size", .integer(side))])
    let found = try Blueprint(
      .of(["extractor.0.weight", "rpn.conv1.weight"], attributes: .members([("config", config)])))
    #expect(found.picture.resize.minimumSide == 600)
    #expect(found.family.name == "simple-faster-rcnn")
  }

  @Test func stepCountsAreNoWeightsAndStrangersAreNamed() throws {
    let found = try Blueprint(
      .of([
        "extractor.4.0.conv1.weight", "extractor.1.num_batches_tracked", "fc.weight",
        "rpn.conv1.weight",
      ]))
    #expect(found.state.count == 2)
    #expect(found.unknownNames == ["fc.weight"])
  }

  @Test func aFileOfNoFamilyIsRefusedWithItsNames() throws {
    for names in [["backbone.stem.x", "b", "c", "d"], []] {
      let error = #expect(throws: FamilyError.self) { _ = try Blueprint(.of(names)) }
      let text = error.map { "\($0)" } ?? ""
      #expect(text.contains("\(names.count) tensors"), "\(text)")
      if let first = names.first { #expect(text.contains(first)) }
    }
  }

  @Test func anUnknownProfileIsRefusedWithTheKnownOnes() {
    var options = ModelCard()
    options[.profile] = .text("yolo")
    let error = #expect(throws: FamilyError.self) {
      _ = try Blueprint(.of(["extractor.0.weight", "rpn.conv1.weight"]), options: options)
    }
    let text = error.map { "\($0)" } ?? ""
    #expect(text.contains("\"yolo\""))
    for family in Family.all { #expect(text.contains(family.name)) }
  }

  @Test func everyFamilyHasANameOfItsOwn() {
    #expect(Set(Family.all.map(\.name)).count == Family.all.count)
    for family in Family.all { #expect(Family.named(family.name)?.name == family.name) }
  }
}

extension Evidence {
  /// What a file of tensors of these names would tell.
  static func of(
    _ names: [String], _ format: CheckpointFormat = .pyTorchArchive,
    attributes: PickleValue = .dictionary([]), beside: [String: String] = [:],
    shapes: [String: Shape] = [:], isRoot: Bool = true
  ) -> Evidence {
    var state = StateDictionary()
    for name in names {
      let shape = shapes[name] ?? [1]
      state[name] = StoredTensor(
        elementType: .float32, shape: shape,
        storage: ByteStorage(copying: [UInt8](repeating: 0, count: 4 * shape.count)), byteOffset: 0)
    }
    return Evidence(Checkpoint(format, state, attributes, isRoot: isRoot, files: [])) {
      beside[$0].map { Array($0.utf8) }
    }
  }
}

extension PickleValue {
  static func members(_ members: [(String, PickleValue)]) -> PickleValue {
    .dictionary(members.map { Entry(key: .text($0.0), value: $0.1) })
  }
}
