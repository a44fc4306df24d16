import Images
import Tensors
import Testing

@testable import Checkpoints
@testable import FasterRCNN

/// Which family a file is taken for, and what is said where it does not tell.
struct RecognitionTests {
  /// A state dictionary of names alone: what recognition looks at.
  static func state(_ names: [String]) -> StateDictionary {
    var state = StateDictionary()
    for name in names {
      state[name] = StoredTensor(
        elementType: .float32, shape: [1], storage: ByteStorage(copying: [0, 0, 0, 0]),
        byteOffset: 0)
    }
    return state
  }

  static func recognise(
    _ names: [String], _ format: CheckpointFormat = .pyTorchArchive,
    attributes: PickleValue = .dictionary([]), requested: String? = nil
  ) throws(ModelError) -> Recognition {
    try Recognition(Checkpoint(format, state(names), attributes), requested: requested)
  }

  static func config(_ members: [(String, PickleValue)]) -> PickleValue {
    let entries = members.map { PickleValue.Entry(key: .text($0.0), value: $0.1) }
    return .dictionary([.init(key: .text("config"), value: .dictionary(entries))])
  }

  // The names are those of the families' own files, the profiles those of their own code.
  @Test(arguments: [
    ("simple-faster-rcnn.pth", "simple-faster-rcnn", false),
    ("simple-faster-rcnn-legacy.pth", "simple-faster-rcnn", false),
    ("simple-faster-rcnn.safetensors", "simple-faster-rcnn", true),
    ("bubbliiiing-vgg.pth", "bubbliiiing-vgg", true),
    ("bubbliiiing-resnet50.pth", "bubbliiiing-resnet50", false),
    ("chainercv.npz", "chainercv", false),
  ])
  func filesAreTakenForTheirFamilyOrThatIsSaid(
    file: String, profile: String, isAssumed: Bool
  ) throws {
    let description = try Model.open(Golden.path(file)).description
    #expect(description.profile == profile)
    #expect((description.assumption != nil) == isAssumed)
    if let assumption = description.assumption {
      #expect(assumption.contains("profile \(profile)"))
      #expect(assumption.contains("--profile"))
    }
  }

  @Test func askingForAProfileLeavesNothingToAssume() throws {
    for profile in ["simple-faster-rcnn", "bubbliiiing-vgg", "simple-faster-rcnn-caffe"] {
      let description = try Model.open(
        Golden.path("bubbliiiing-vgg.pth"), options: .init(profile: profile)
      ).description
      #expect(description.profile == profile)
      #expect(description.assumption == nil)
    }
  }

  @Test(arguments: [
    (CheckpointFormat.pyTorchArchive, "bubbliiiing-vgg"),
    (.pyTorchLegacy, "bubbliiiing-vgg"),
    (.safetensors, "simple-faster-rcnn"),
    (.numPyArchive, "simple-faster-rcnn"),
  ])
  func aFlatFileIsTakenByItsFormat(format: CheckpointFormat, profile: String) throws {
    let found = try Self.recognise(["extractor.0.weight"], format)
    #expect(found.profile.name == profile)
    #expect(found.assumption?.contains("\(format)") == true)
  }

  @Test func trainingOptionsDecide() throws {
    let names = ["extractor.0.weight"]
    for (isCaffe, profile) in [
      (true, "simple-faster-rcnn-caffe"), (false, "simple-faster-rcnn"),
    ] {
      let config = Self.config([
        ("caffe_pretrain", .boolean(isCaffe)), ("min_size", .integer(480)),
        ("max_size", .integer(900)),
      ])
      let found = try Self.recognise(names, attributes: config)
      #expect(found.profile.name == profile)
      #expect(found.assumption == nil)
      #expect(found.settings.minSize == 480)
      #expect(found.settings.maxSize == 900)
    }
    // The caffe weights want BGR in 0 to 255 (simple-faster-rcnn, data/dataset.py).
    let caffe = ModelProfile.simpleFasterRCNNCaffe.preprocessing
    #expect(caffe.channelOrder == .bgr && caffe.divisor == 1)
  }

  @Test(arguments: [0, -600, 8193, 1 << 62])
  func sidesThatMakeNoSenseAreLeftOut(side: Int) throws {
    let found = try Self.recognise(
      ["extractor.0.weight"], attributes: Self.config([("min_size", .integer(side))]))
    #expect(found.settings.minSize == nil)
    #expect(found.profile.name == "simple-faster-rcnn")
  }

  @Test func stepCountsAreNoWeights() throws {
    let found = try Self.recognise([
      "extractor.4.0.conv1.weight", "extractor.1.num_batches_tracked",
    ])
    #expect(found.profile.name == "bubbliiiing-resnet50")
    #expect(found.state.names == ["extractor.4.0.conv1.weight"])
  }

  // torchvision's indices of VGG16's convolutions; chainercv's layers in the same order.
  @Test func everyChainerLayerHasItsPlace() {
    let indices = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    let layers = [
      "1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "4_1", "4_2", "4_3", "5_1", "5_2", "5_3",
    ]
    for (index, layer) in zip(indices, layers) {
      #expect(
        Recognition.chainerName("extractor/conv\(layer)/conv/W") == "extractor.\(index).weight")
      #expect(
        Recognition.chainerName("extractor/conv\(layer)/conv/b") == "extractor.\(index).bias")
    }
    for (name, ours) in [
      ("rpn/conv1", "rpn.conv1"), ("rpn/score", "rpn.score"), ("rpn/loc", "rpn.loc"),
      ("head/fc6", "head.classifier.0"), ("head/fc7", "head.classifier.2"),
      ("head/cls_loc", "head.cls_loc"), ("head/score", "head.score"),
    ] {
      #expect(Recognition.chainerName(name + "/W") == ours + ".weight")
      #expect(Recognition.chainerName(name + "/b") == ours + ".bias")
    }
  }

  @Test(arguments: [
    "extractor/conv1_3/conv/W", "extractor/conv6_1/conv/W", "extractor/conv0_1/conv/W",
    "extractor/conv1_0/conv/W", "extractor/conv1/conv/W", "extractor/fc1_1/conv/W", "head/fc8/W",
    "rpn/conv2/W", "rpn/W", "W", "", "/", "rpn/loc/x", "a/b/c/d/W",
  ])
  func otherNamesHaveNone(name: String) {
    #expect(Recognition.chainerName(name) == nil)
  }

  @Test func aFileOfNoFamilyIsRefusedWithItsNames() throws {
    for names in [["backbone.body.conv1.weight", "b", "c", "d"], []] {
      let error = #expect(throws: ModelError.self) { _ = try Self.recognise(names) }
      let text = error.map { "\($0)" } ?? ""
      #expect(text.contains("extractor.0.weight"), "\(text)")
      #expect(text.contains("\(names.count) tensors"), "\(text)")
      if let first = names.first { #expect(text.contains(first)) }
    }
  }

  @Test func anUnknownProfileIsRefusedWithTheKnownOnes() {
    let error = #expect(throws: ModelError.self) {
      _ = try Self.recognise(["extractor.0.weight"], requested: "yolo")
    }
    let text = error.map { "\($0)" } ?? ""
    #expect(text.contains("\"yolo\""))
    for profile in ModelProfile.all { #expect(text.contains(profile.name)) }
  }
}
