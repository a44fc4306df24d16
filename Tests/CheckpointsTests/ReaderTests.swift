import Checkpoints
import Tensors
import Testing

/// Files that PyTorch, NumPy and Chainer wrote, against the same tensors as safetensors; all
/// comparisons are bit for bit, because reading converts nothing.
@Suite struct ReaderTests {
  private func open(_ name: String) throws -> Checkpoint {
    try Checkpoint.open(TestFiles.path(name))
  }

  @Test func oneNetworkInThreeFormatsIsTheSame() throws {
    let reference = try open("simple-faster-rcnn.safetensors")
    let archive = try open("simple-faster-rcnn.pth")
    let legacy = try open("simple-faster-rcnn-legacy.pth")
    #expect(reference.format == .safetensors)
    #expect(archive.format == .pyTorchArchive)
    #expect(legacy.format == .pyTorchLegacy)
    #expect(reference.stateDictionary.count > 30)
    #expect(archive.stateDictionary.isIdentical(to: reference.stateDictionary))
    #expect(legacy.stateDictionary.isIdentical(to: reference.stateDictionary))
    #expect(archive.stateDictionary.names.first == "extractor.0.weight")
  }

  @Test(arguments: ["simple-faster-rcnn.pth", "simple-faster-rcnn-legacy.pth"])
  func whatTrainingNotedIsReachable(_ name: String) throws {
    let attributes = try open(name).attributes
    #expect(attributes["config"]?["min_size"]?.integer == 600)
    #expect(attributes["config"]?["max_size"]?.integer == 1000)
    #expect(attributes["config"]?["weight_decay"]?.number == 0.0005)
    #expect(attributes["config"]?["caffe_pretrain"]?.boolean == false)
    #expect(attributes["config"]?["voc_data_dir"]?.text == "/dataset/PASCAL2007/VOC2007/")
    #expect(attributes["other_info"]?["best_map"]?.number != nil)
    #expect(attributes["vis_info"]?["env"]?.text == "x")
    #expect(attributes["optimizer"]?["param_groups"]?.elements?.first?["lr"]?.number == 0.001)
    #expect(attributes["model"] == nil)
  }

  @Test(arguments: ["bubbliiiing-vgg.pth", "bubbliiiing-resnet50.pth"])
  func flatStateDictionariesAreRead(_ name: String) throws {
    let checkpoint = try open(name)
    #expect(checkpoint.format == .pyTorchArchive)
    #expect(checkpoint.attributes.entries?.isEmpty == true)
    let first = try #require(checkpoint.stateDictionary["extractor.0.weight"])
    #expect(first.shape[1] == 3)
    #expect(first.elementType == .float32)
    if let batches = checkpoint.stateDictionary["extractor.1.num_batches_tracked"] {
      #expect(batches.elementType == .int64)
      #expect(batches.shape == [])
    }
  }

  @Test func chainersArchiveIsRead() throws {
    let checkpoint = try open("chainercv.npz")
    #expect(checkpoint.format == .numPyArchive)
    #expect(checkpoint.stateDictionary.count == 40)
    let first = try #require(checkpoint.stateDictionary["extractor/conv1_1/conv/W"])
    #expect(first.shape.dimensions.suffix(3) == [3, 3, 3])
    #expect(checkpoint.stateDictionary["head/fc7/b"] != nil)
  }

  @Test(arguments: [
    ("odd.pth", CheckpointFormat.pyTorchArchive), ("odd-legacy.pth", .pyTorchLegacy),
    ("odd-protocol4.pth", .pyTorchArchive), ("odd-protocol5.pth", .pyTorchArchive),
    ("odd-legacy-protocol4.pth", .pyTorchLegacy), ("odd-root.pth", .pyTorchArchive),
    ("odd-noroot.pth", .pyTorchArchive), ("odd-deflated.pth", .pyTorchArchive),
    ("odd-zip64.pth", .pyTorchArchive), ("odd-streamed.pth", .pyTorchArchive),
    ("untyped.pth", .pyTorchArchive), ("parallel.pth", .pyTorchArchive),
    ("module.pth", .pyTorchArchive), ("module-legacy.pth", .pyTorchLegacy),
    ("arrays.npz", .numPyArchive), ("arrays-deflated.npz", .numPyArchive),
    ("arrays-protocol2.pkl", .pickle), ("arrays-protocol3.pkl", .pickle),
    ("arrays-protocol4.pkl", .pickle), ("arrays-protocol5.pkl", .pickle),
  ])
  func oddFilesHoldWhatTheirWriterPutIn(_ name: String, _ format: CheckpointFormat) throws {
    let stem = name.prefix { $0 != "-" && $0 != "." }
    let expected = try open("odd/\(stem).expected.safetensors").stateDictionary
    let checkpoint = try open("odd/\(name)")
    #expect(checkpoint.format == format)
    #expect(Set(checkpoint.stateDictionary.names) == Set(expected.names))
    for tensor in expected.names {
      let found = try #require(checkpoint.stateDictionary[tensor])
      let wanted = try #require(expected[tensor])
      #expect(found.elementType == wanted.elementType, "\(tensor)")
      #expect(found.shape == wanted.shape, "\(tensor)")
      #expect(found.contiguousBytes() == wanted.contiguousBytes(), "\(tensor)")
    }
  }

  @Test(arguments: ["odd.pth", "odd-legacy.pth", "odd-deflated.pth"])
  func sharedStoragesStayShared(_ name: String) throws {
    let dictionary = try open("odd/\(name)").stateDictionary
    let first = try #require(dictionary["tied.a"])
    let second = try #require(dictionary["tied.b"])
    #expect(first.storage === second.storage)
    #expect(first.byteOffset == second.byteOffset)
    let rows = try #require(dictionary["view.rows"])
    let transposed = try #require(dictionary["view.transposed"])
    #expect(rows.storage === transposed.storage)
    #expect(rows.byteOffset == transposed.byteOffset + 2 * 8 * 4)
    #expect(transposed.strides == [1, 8])
  }

  @Test func storedTensorsAreViewsOfTheFile() throws {
    let storage = try ByteStorage.mapping(path: TestFiles.path("simple-faster-rcnn.pth"))
    let dictionary = try Checkpoint(contentsOf: storage).stateDictionary
    for name in dictionary.names {
      #expect(try #require(dictionary[name]).storage === storage)
    }
  }

  @Test func otherValuesBecomeATree() throws {
    let attributes = try open("odd/parallel.pth").attributes
    #expect(attributes["epoch"]?.integer == 3)
    #expect(attributes["best"]?.number == 0.25)
    #expect(attributes["count"]?.integer == -7)
    #expect(attributes["flag"]?.boolean == true)
    #expect(attributes["small"]?.integer == -(1 << 40))
    #expect(attributes["classes"]?.elements?.compactMap(\.text) == ["a", "b"])
    #expect(attributes["size"]?.elements?.compactMap(\.integer) == [3, 4])
    #expect(attributes["set"]?.elements?.compactMap(\.integer) == [1])
    let deep = attributes["nested"]?["deep"]?.elements?.first?.elements
    #expect(deep?[0].integer == 1)
    #expect(deep?[2].boolean == true)
    #expect(deep?[3].number == 2.5)
    if case .hugeInteger(let bytes) = attributes["big"] {
      #expect(bytes == [UInt8](repeating: 0, count: 10) + [1])
    } else {
      Issue.record("2^80 is \(String(describing: attributes["big"]))")
    }
    if case .object(let name, let arguments, _) = attributes["device"] {
      #expect(name == "torch.device")
      #expect(arguments.first?.text == "cpu")
    } else {
      Issue.record("the device is \(String(describing: attributes["device"]))")
    }
  }

  @Test func arraysThatAreNoNumbersAreNamed() throws {
    let checkpoint = try open("odd/objects.npz")
    #expect(checkpoint.stateDictionary.names == ["kept"])
    let skipped = checkpoint.attributes.entries?.compactMap { entry -> String? in
      guard case .unreadable(let error) = entry.value, case .unsupportedElementType = error.reason
      else { return nil }
      return entry.key.text
    }
    #expect(skipped == ["none", "text", "complex", "fields"])
  }

  @Test(arguments: 1...3)
  func everyVersionOfAnArrayIsRead(_ version: Int) throws {
    let checkpoint = try open("odd/version\(version).npy")
    #expect(checkpoint.format == .numPyArray)
    let array = try #require(checkpoint.stateDictionary["arr_0"])
    #expect(array.shape == [3, 4])
    #expect(array.strides == [1, 3])
    #expect(array.float32Values() == (0..<12).map { (Float($0) - 125) / 8 })
  }

  @Test func programsAreRefused() throws {
    let error = readingError(try TestFiles.bytes("odd/script.pt"))
    guard case .unsupported(let what, let remedy) = error?.reason else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(what.contains("TorchScript"))
    #expect(remedy.contains("state_dict"))
  }

  @Test(arguments: [
    ("version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ("<!DOCTYPE html><html>", "download"), ("\u{89}HDF\r\n\u{1A}\n", "safetensors"),
  ])
  func otherFilesGetAdvice(_ text: String, _ advice: String) {
    let bytes = text.unicodeScalars.map { UInt8($0.value) }
    #expect(readingError(bytes)?.description.contains(advice) == true)
  }

  @Test func unknownBytesAreNamedAsSuch() {
    #expect(readingError([0, 1, 2, 3, 4, 5])?.reason == .unknownFormat)
    #expect(readingError([])?.reason == .unknownFormat)
    #expect(readingError([0x80])?.reason == .unknownFormat)
    let tar = [UInt8](repeating: 0, count: 257) + Array("ustar".utf8)
    #expect(readingError(tar)?.byteOffset == 257)
  }

  @Test func aMissingFileIsNamed() {
    do {
      _ = try Checkpoint.open("/no/such/file.pth")
      Issue.record("it was opened")
    } catch {
      #expect(error.description == "/no/such/file.pth: there is no such file")
    }
  }
}
