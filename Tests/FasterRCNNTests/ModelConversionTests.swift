import Checkpoints
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
  ]

  @Test(arguments: fixtures)
  func theConvertedFileAnswersAsTheOriginalDoes(fixture: String) throws {
    let image = try #require(try Golden.image("portrait_487x331"))
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

  @Test func everySettingOfTheProfileIsInTheFile() throws {
    for fixture in Self.fixtures {
      let conversion = try ModelConversion(Golden.path(fixture))
      let file = TemporaryFile()
      try SafetensorsWriter(conversion.stateDictionary).write(to: file.path)
      let (a, b) = (
        try ModelContents.open(Golden.path(fixture), options: .init()).model.profile,
        try ModelContents.open(file.path, options: .init()).model.profile
      )
      #expect(a.detection == b.detection, "\(fixture)")
      #expect(a.preprocessing == b.preprocessing, "\(fixture)")
      #expect(a.resize == b.resize, "\(fixture)")
      #expect(a.backbone == b.backbone, "\(fixture)")
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
    let bytes = values.flatMap { value in
      (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) }
    }
    state["head.score.bias"] = StoredTensor(
      elementType: .float32, shape: bias.shape, storage: ByteStorage(copying: bytes),
      byteOffset: 0)
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

  @Test func inspectionSaysWhatTheFileIs() throws {
    let inspection = try ModelInspection(Golden.path("bubbliiiing-resnet50.pth"))
    let state = try Checkpoint.open(Golden.path("bubbliiiing-resnet50.pth")).stateDictionary
    #expect(inspection.format == .pyTorchArchive)
    #expect(inspection.architecture == "ResNet-50 C4")
    #expect(inspection.pooledSize == 14)
    #expect(inspection.tensors.map(\.name) == state.names)
    #expect(inspection.elementTypes.map(\.tensorCount).reduce(0, +) == state.count)
    #expect(inspection.elementTypes.map(\.elementCount).reduce(0, +) == state.parameterCount)
    #expect(inspection.elementTypes.map(\.elementType) == [.float32, .int64])
    #expect(inspection.float32ByteCount == 4 * inspection.elementTypes[0].elementCount)
    #expect(
      inspection.resizing
        == "shorter side to 600, longer side unlimited, rounded as bubbliiiing does")
    let embedded = try ModelInspection(nil)
    #expect(embedded.description.name == "bloodcell")
    #expect(embedded.anchors.scales == [2.5, 6, 12])
    #expect(
      embedded.preprocessing
        == "skimageLinear, RGB, (value / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]")
  }
}
