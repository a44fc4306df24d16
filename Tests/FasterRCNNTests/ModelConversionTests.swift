import Checkpoints
import Detection
import Families
import Foundation
import Images
import Tensors
import Testing

@testable import FasterRCNN

/// A converted model is the same model: all that it needs stands in the one file.
struct ModelConversionTests {
  final class TemporaryFile {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "frcnn-\(UUID().uuidString).safetensors").path
    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  static let fixtures = [
    "simple-faster-rcnn.safetensors", "simple-faster-rcnn.pth", "simple-faster-rcnn-legacy.pth",
    "bubbliiiing-vgg.pth", "bubbliiiing-resnet50.pth", "chainercv.npz",
    "mm2-r50-caffe-fpn.pth", "d2-r50-fpn-custom.pth", "tv-tutorial-mobilenetv2.pth",
    "tv-custom-anchors-module.pth",
  ]

  @Test(arguments: fixtures)
  func theConvertedFileAnswersAsTheOriginalDoes(fixture: String) throws {
    let image = try Golden.image("portrait_487x331")
    let conversion = try ModelConversion(Golden.path(fixture))
    let file = TemporaryFile()
    try SafetensorsWriter(
      conversion.stateDictionary, floatType: .float32, keeping: conversion.keptNames
    ).write(to: file.path)
    let original = try Detector(model: .open(Golden.path(fixture)))
    let converted = try Detector(model: .open(file.path))
    let (a, b) = (
      try original.detect(.image(image)), try converted.detect(.image(image))
    )
    #expect(!a.objects.isEmpty)
    #expect(a.objects == b.objects)
    #expect(a.proposals == b.proposals)
    #expect(converted.model.profile == original.model.profile)
    #expect(converted.model.labels == original.model.labels)
    // What was assumed once stands in the file now.
    #expect(converted.model.assumption == nil)
  }

  /// How jwyang's file was pooled stands in it, and torchvision's older sizes in the settings.
  @Test func poolingByCropsAndRoundingAreReadAndKept() throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "frcnn-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var bytes = try Data(contentsOf: URL(fileURLWithPath: Golden.path("jw-vgg16.pth")))
    func pickled(_ text: String) -> Data {
      Data([0x58, UInt8(text.utf8.count), 0, 0, 0] + text.utf8)
    }
    bytes.replaceSubrange(try #require(bytes.range(of: pickled("align"))), with: pickled("crop"))
    let path = folder.appending(path: "cropped.pth").path
    try bytes.write(to: URL(fileURLWithPath: path))
    try Data(#"{"picture": {"rounding": "torchscript"}}"#.utf8).write(
      to: folder.appending(path: "cropped.json"))

    let converted = folder.appending(path: "converted.safetensors").path
    try SafetensorsWriter(ModelConversion(path).stateDictionary).write(to: converted)
    for file in [path, converted] {
      let blueprint = try ModelContents.open(file, options: .init()).model.blueprint
      #expect(blueprint.detection.roi.operator == .cropMaximum)
      #expect(blueprint.picture.resize.rounding == .torchScript)
    }
    let image = try Golden.image("portrait_487x331")
    #expect(try !Detector(model: .open(path)).detect(.image(image)).objects.isEmpty)
  }

  @Test func everySettingOfTheProfileIsInTheFile() throws {
    for fixture in Self.fixtures {
      let conversion = try ModelConversion(Golden.path(fixture))
      let file = TemporaryFile()
      try SafetensorsWriter(conversion.stateDictionary).write(to: file.path)
      let (a, b) = (
        try ModelContents.open(Golden.path(fixture), options: .init()).model.blueprint,
        try ModelContents.open(file.path, options: .init()).model.blueprint
      )
      #expect(a.detection == b.detection, "\(fixture)")
      #expect(a.picture == b.picture, "\(fixture)")
      #expect(a.architecture == b.architecture, "\(fixture)")
    }
  }

  @Test func labelsAndNamesAreOfOneConvention() throws {
    let labels = (1...5).map { "kind \($0)" }
    let conversion = try ModelConversion(
      Golden.path("chainercv.npz"), options: .init(labels: labels))
    #expect(conversion.stateDictionary.names.allSatisfy { !$0.contains("/") })
    let file = TemporaryFile()
    try SafetensorsWriter(conversion.stateDictionary).write(to: file.path)
    #expect(try Model.open(file.path).description.labels == labels)
  }

  @Test(arguments: [ElementType.float16, .bfloat16])
  func statisticsOfNormalisationKeepTheirType(type: ElementType) throws {
    let conversion = try ModelConversion(Golden.path("bubbliiiing-resnet50.pth"))
    let file = TemporaryFile()
    try SafetensorsWriter(
      conversion.stateDictionary, floatType: type, keeping: conversion.keptNames
    ).write(to: file.path)
    let state = try Checkpoint.open(file.path).stateDictionary
    #expect(state["extractor.1.running_var"]?.elementType == .float32)
    #expect(state["extractor.1.weight"]?.elementType == type)
    #expect(state["extractor.0.weight"]?.elementType == type)
    #expect(!state.names.contains { $0.hasSuffix("num_batches_tracked") })
    let original = try Checkpoint.open(Golden.path("bubbliiiing-resnet50.pth")).stateDictionary
    #expect(
      state["extractor.1.running_var"]?.float32Values()
        == original["extractor.1.running_var"]?.float32Values())
  }

  /// 65,504 is the largest float16; 65,520 lies halfway to what would be the next.
  @Test(arguments: [
    (Float(65_519), ElementType.float16, true), (65_520, .float16, false),
    (-65_520, .float16, false), (65_520, .bfloat16, true), (3.4e38, .bfloat16, false),
    (3.38e38, .bfloat16, true), (3.4e38, .float32, true),
  ])
  func aWeightThatATypeCannotHoldIsNamed(value: Float, type: ElementType, fits: Bool) throws {
    var state = try Checkpoint.open(Golden.path("simple-faster-rcnn.safetensors")).stateDictionary
    let bias = try #require(state["head.score.bias"])
    var values = bias.float32Values()
    values[3] = value
    state["head.score.bias"] = StoredTensor(Tensor(shape: bias.shape, values: values))
    let file = TemporaryFile()
    try SafetensorsWriter(state).write(to: file.path)
    let conversion = try ModelConversion(file.path)
    if fits {
      try conversion.check(fitsIn: type)
    } else {
      let error = #expect(throws: ModelConversion.ValueOutOfRange.self) {
        try conversion.check(fitsIn: type)
      }
      #expect(error?.tensorName == "head.score.bias")
      #expect(error?.value == value)
    }
  }

  /// A head of two factors answers as one whose matrix is their product, multiplied here.
  @Test(arguments: ["simple-faster-rcnn.safetensors", "chainercv.npz"])
  func aFactorisedHeadComputesTheProduct(fixture: String) throws {
    var conversion = try ModelConversion(Golden.path(fixture))
    let names = ["head.classifier.0", "head.classifier.2"]
    let ranks = try names.map { name in
      let shape = try #require(conversion.stateDictionary[name + ".weight"]).shape
      return shape[0] * shape[1] / (shape[0] + shape[1]) / 2
    }
    let before = conversion.stateDictionary
    let made = try conversion.factoriseHead(ranks: ranks)
    #expect(made.map(\.name) == names && made.map(\.rank) == ranks)
    #expect(made.allSatisfy { (0.1..<1).contains($0.energyShare) })
    #expect(conversion.stateDictionary.parameterCount < before.parameterCount)

    var product = before
    product.metadata = conversion.stateDictionary.metadata
    for (name, rank) in zip(names, ranks) {
      let factors = try (0..<2).map { part in
        try #require(conversion.stateDictionary["\(name).\(part).weight"])
      }
      let (right, left) = (factors[0].float32Values(), factors[1].float32Values())
      let (rows, columns) = (factors[1].shape[0], factors[0].shape[1])
      var values = [Float](repeating: 0, count: rows * columns)
      for row in 0..<rows {
        for inner in 0..<rank {
          for column in 0..<columns {
            values[row * columns + column] +=
              left[row * rank + inner] * right[inner * columns + column]
          }
        }
      }
      product[name + ".weight"] = StoredTensor(Tensor(shape: [rows, columns], values: values))
    }
    let image = try Golden.image("portrait_487x331")
    let results = try [conversion.stateDictionary, product].map { state in
      let file = TemporaryFile()
      try SafetensorsWriter(state).write(to: file.path)
      return try Detector(model: .open(file.path)).detect(
        .image(image), parameters: .init(scoreThreshold: 0))
    }
    #expect(!results[0].objects.isEmpty && results[0].proposals == results[1].proposals)
    // Float32 sums of some hundred terms in another order; a box's edge is some hundred pixels.
    let pairs = zip(results[0].objects.prefix(20), results[1].objects)
    for (one, other) in pairs {
      #expect(one.classID == other.classID && abs(one.score - other.score) < 1e-4)
      #expect(abs(one.box.yMin - other.box.yMin) < 0.01)
      #expect(abs(one.box.xMax - other.box.xMax) < 0.01)
    }
  }

  @Test(arguments: [Float.nan, .infinity, 3e38])
  func weightsWhoseSquaresAreNotFiniteAreNotFactorised(value: Float) throws {
    let name = "head.classifier.2.weight"
    var state = try Checkpoint.open(Golden.path("simple-faster-rcnn.safetensors")).stateDictionary
    let weights = try #require(state[name])
    var values = weights.float32Values()
    values[5] = value
    state[name] = StoredTensor(Tensor(shape: weights.shape, values: values))
    let file = TemporaryFile()
    try SafetensorsWriter(state).write(to: file.path)
    let error = #expect(throws: ModelError.self) {
      var conversion = try ModelConversion(file.path)
      _ = try conversion.factoriseHead(ranks: [2, 2])
    }
    #expect("\(error as Any)".contains("head.classifier.2"))
  }

  @Test func aRankThatMakesNothingSmallerIsRefused() throws {
    var conversion = try ModelConversion(Golden.path("simple-faster-rcnn.safetensors"))
    let names = conversion.stateDictionary.names
    #expect(throws: ModelError.self) { try conversion.factoriseHead(ranks: [1 << 30]) }
    #expect(throws: ModelError.self) { try conversion.factoriseHead(ranks: [0]) }
    #expect(throws: ModelError.self) { try conversion.factoriseHead(ranks: [2, 2, 2]) }
    #expect(conversion.stateDictionary.names == names)
    var resNet = try ModelConversion(Golden.path("bubbliiiing-resnet50.pth"))
    #expect(throws: ModelError.self) { try resNet.factoriseHead(ranks: [8]) }
    // What is a product already stays one.
    _ = try conversion.factoriseHead(ranks: [2, 2])
    #expect(throws: ModelError.self) { try conversion.factoriseHead(ranks: [1]) }
  }

  @Test func inspectionSaysWhatTheFileIs() throws {
    let inspection = try ModelInspection(Golden.path("bubbliiiing-resnet50.pth"))
    let state = try Checkpoint.open(Golden.path("bubbliiiing-resnet50.pth")).stateDictionary
    #expect(inspection.format == .pyTorchArchive)
    #expect(inspection.architectureName == "ResNet-50 C4")
    #expect(inspection.pooledSize == 14)
    #expect(inspection.tensors.map(\.name) == state.names)
    #expect(inspection.elementTypes.map(\.tensorCount).reduce(0, +) == state.count)
    #expect(inspection.elementTypes.map(\.elementCount).reduce(0, +) == state.parameterCount)
    #expect(inspection.elementTypes.map(\.elementType) == [.float32, .int64])
    #expect(inspection.float32ByteCount == 4 * inspection.elementTypes[0].elementCount)
    #expect(
      inspection.resizing
        == "shorter side to 600, longer side unlimited, rounded down")
    let embedded = try ModelInspection(nil)
    #expect(embedded.description.name == "bloodcell")
    #expect(embedded.anchors.map(\.scales) == [[2.5, 6, 12]])
    #expect(
      embedded.preprocessing
        == "skimageLinear, RGB, (value / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]")
  }
}
