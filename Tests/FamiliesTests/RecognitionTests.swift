import Images
import Tensors
import Testing

@testable import Checkpoints
@testable import Families

/// Which family a file is taken for, and what is said where it does not tell.
struct RecognitionTests {
  // The names are those of the families' own files, the profiles those of their own code.
  @Test(arguments: [
    (["extractor.4.0.conv1.weight", "extractor.0.weight"], "bubbliiiing-resnet50"),
    (["extractor/conv1_1/conv/W"], "chainercv"),
  ])
  func tensorsTellAFamily(names: [String], family: String) throws {
    let found = try Blueprint(.of(names))
    #expect(found.family.name == family)
    #expect(found.assumptions.isEmpty)
  }

  @Test(arguments: [
    (CheckpointFormat.pyTorchArchive, "bubbliiiing-vgg"),
    (.pyTorchLegacy, "bubbliiiing-vgg"),
    (.safetensors, "simple-faster-rcnn"),
    (.numPyArchive, "simple-faster-rcnn"),
  ])
  func aFlatFileIsTakenByItsFormatAndThatIsSaid(format: CheckpointFormat, family: String) throws {
    let found = try Blueprint(.of(["extractor.0.weight"], format))
    #expect(found.family.name == family)
    let assumption = try #require(found.assumptions.first)
    #expect(assumption.contains("profile \(family)"))
    #expect(assumption.contains("\(format)"))
    #expect(assumption.contains("--profile"))
  }

  @Test func askingForAProfileLeavesNothingToAssume() throws {
    for name in ["simple-faster-rcnn", "bubbliiiing-vgg", "simple-faster-rcnn-caffe"] {
      var options = ModelCard()
      options[.profile] = .text(name)
      let found = try Blueprint(.of(["extractor.0.weight"]), options: options)
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
        .of(["extractor.0.weight"], attributes: .members([("config", config)])))
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
      .of(["extractor.0.weight"], attributes: .members([("config", config)])))
    #expect(found.picture.resize.minimumSide == 600)
    #expect(found.family.name == "simple-faster-rcnn")
  }

  @Test func stepCountsAreNoWeightsAndStrangersAreNamed() throws {
    let found = try Blueprint(
      .of(["extractor.4.0.conv1.weight", "extractor.1.num_batches_tracked", "fc.weight"]))
    #expect(found.state.count == 1)
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
      _ = try Blueprint(.of(["extractor.0.weight"]), options: options)
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
    attributes: PickleValue = .dictionary([])
  ) -> Evidence {
    var state = StateDictionary()
    for name in names {
      state[name] = StoredTensor(
        elementType: .float32, shape: [1], storage: ByteStorage(copying: [0, 0, 0, 0]),
        byteOffset: 0)
    }
    return Evidence(Checkpoint(format, state, attributes, files: []))
  }
}

extension PickleValue {
  static func members(_ members: [(String, PickleValue)]) -> PickleValue {
    .dictionary(members.map { Entry(key: .text($0.0), value: $0.1) })
  }
}
