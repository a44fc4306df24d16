import Checkpoints
import Foundation
import Tensors
import Testing

/// One network in the wrappers that training programs put around it (`scripts/fixtures/wrappers.py`):
/// the same tensors are found in each.
@Suite struct WrapperTests {
  private func open(_ name: String) throws -> Checkpoint {
    try Checkpoint.open(TestFiles.path("wrappers/\(name)"))
  }

  @Test(arguments: [
    "plain.pth", "compiled.pth", "compiled-parallel.pth", "parallel-compiled.pth",
    "lightning.ckpt", "lightning-compiled.ckpt", "lightning-net.ckpt", "lightning-metrics.ckpt",
    "trainer.pth", "averaged.pth", "loss-beside.pth", "accuracy-beside.pth.tar",
    "random-state-beside.pth", "arrays-beside.pth", "losses-beside.pth", "namespace-beside.pth",
    "averages-beside.pth", "nested.pth", "tuple.pth", "list.pth", "parts.pth", "loss-legacy.pth",
    "line-break-behind.pth", "kilobyte-behind.pth", "behind-legacy.pth", "arrays.pkl",
    "shards", "shards/model.safetensors.index.json",
  ])
  func theNetworkIsFoundInItsWrapper(_ name: String) throws {
    let expected = try open("expected.safetensors").stateDictionary
    let found = try open(name).stateDictionary
    #expect(Set(found.names) == Set(expected.names))
    #expect(found.isIdentical(to: expected))
  }

  @Test func aTrainersSnapshotOfChainerIsRead() throws {
    let expected = try open("expected.safetensors").stateDictionary
    let checkpoint = try open("snapshot.npz")
    let names = expected.names.map { String($0.map { $0 == "." ? "/" : $0 }) }
    #expect(Set(checkpoint.stateDictionary.names) == Set(names))
    #expect(checkpoint.leftOut.contains("updater/iteration"))
  }

  @Test(arguments: [
    ("plain.pth", true), ("averaged.pth", true), ("parallel-compiled.pth", false),
    ("lightning.ckpt", false), ("lightning-net.ckpt", false), ("trainer.pth", false),
    ("nested.pth", false), ("tuple.pth", false), ("list.pth", false), ("parts.pth", false),
    ("accuracy-beside.pth.tar", false), ("expected.safetensors", true),
  ])
  func whetherTheWeightsWereSavedByThemselvesIsKnown(_ name: String, isFlat: Bool) throws {
    #expect(try open(name).isFlat == isFlat)
  }

  @Test func whatStoodBesideTheNetworkIsNamed() throws {
    #expect(try open("lightning-metrics.ckpt").leftOut == ["criterion.weight", "val_map.seen"])
    #expect(try open("averaged.pth").leftOut == ["n_averaged"])
    #expect(try open("plain.pth").leftOut == [])
  }

  @Test(arguments: ["line-break-behind.pth", "kilobyte-behind.pth", "behind-legacy.pth"])
  func bytesBehindTheEndAreMentioned(_ name: String) throws {
    let remarks = try open(name).remarks
    #expect(remarks.count == 1 && remarks[0].contains("behind the end"), "\(remarks)")
    #expect(try open("plain.pth").remarks == [])
  }

  @Test func attributesStayReachableInTheirWrappers() throws {
    #expect(try open("nested.pth").attributes["epoch"]?.integer == 1)
    #expect(try open("tuple.pth").attributes["epoch"]?.integer == 1)
    let lightning = try open("lightning.ckpt").attributes
    #expect(lightning["hyper_parameters"]?["rate"]?.number == 0.01)
    // An argparse.Namespace is an object whose attributes are its state.
    #expect(try open("namespace-beside.pth").attributes["config"]?["min_size"]?.integer == 600)
  }

  @Test(arguments: [
    ("dumped.pkl", "torch.save"), ("dictionary.npy", "numpy.savez"), ("quantised.pth", "quantised"),
    ("sparse.pth", "to_dense"), ("meta.pth", "without values"),
  ])
  func whatIsNotReadIsToldWithAWayOut(_ name: String, _ words: String) {
    #expect {
      try open("refused/\(name)")
    } throws: { error in
      (error as? CheckpointError)?.description.contains(words) == true
    }
  }

  @Test func aShardAloneIsToldWithItsIndex() {
    #expect {
      try open("shards/model-00001-of-00002.safetensors")
    } throws: { error in
      (error as? CheckpointError)?.description.contains("index.json") == true
    }
  }

  @Test(arguments: ["../expected.safetensors", "/etc/passwd", ".hidden", ""])
  func anIndexReachesFilesBesideItOnly(_ file: String) {
    let text = #"{"weight_map": {"a.weight": "\#(file)"}}"#
    #expect(throws: CheckpointError.self) {
      try SafetensorsIndexProbe.open(text)
    }
  }

  @Test(arguments: [
    ("\n\n  <html lang=\"en\">\n<head>", "web page"), ("\u{FEFF}<!DOCTYPE html>", "web page"),
    ("<Html><body>", "web page"), ("<Error><Code>AccessDenied", "AccessDenied"),
    ("404: Not Found", "404: Not Found"), ("Entry not found", "Entry not found"),
    (#"{"error":"Repository not found"}"#, "Repository not found"),
    ("<?xml version=\"1.0\"?>\n<net name=\"x\" version=\"11\"></net>", "OpenVINO"),
    ("outs:\n- md5: 1\n", "dvc pull"), ("/annex/objects/SHA256E-s1", "git annex get"),
    ("https://example.org/model.pth", "example.org"), ("names:\n  0: cell\n", "names:"),
  ])
  func textIsQuoted(_ text: String, _ words: String) {
    let description = readingError(Array(text.utf8))?.description
    #expect(description?.contains(words) == true, "\(description ?? "read")")
  }

  /// How foreign files begin, in Latin-1.
  private static let beginnings: [(String, String)] = [
    ("\u{FD}7zXZ\0", "unxz"), ("BZh9", "bunzip2"), ("\u{28}\u{B5}\u{2F}\u{FD}", "unzstd"),
    ("Rar!", "RAR"), ("7z\u{BC}\u{AF}\u{27}\u{1C}", "7-Zip"), ("GGUF", "GGUF"),
    ("\u{20}\0\0\0TFL3", "TensorFlow Lite"), ("\u{FF}\u{D8}\u{FF}\u{E0}", "JPEG"),
    ("\u{7F}ELF", "program"), ("\u{8}\u{8}\u{12}\u{7}pytorch", "ONNX"),
    ("MATLAB 5.0 MAT-file", "MATLAB"),
    ("\n\u{2B}\n\u{5}input\u{12}\u{B}Placeholder", "TensorFlow graph"),
    ("\u{8}\u{1}\u{12}\u{7}", "TensorFlow SavedModel"),
  ]

  @Test(arguments: beginnings)
  func foreignFilesAreNamed(_ beginning: String, _ words: String) {
    let bytes = beginning.unicodeScalars.map { UInt8($0.value) }
    let padded = bytes + [UInt8](repeating: 0, count: 64)
    let description = readingError(padded)?.description
    #expect(description?.contains(words) == true, "\(description ?? "read")")
  }
}

/// Opens an index that exists for one test.
private enum SafetensorsIndexProbe {
  static func open(_ text: String) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "model.safetensors.index.json")
    try Data(text.utf8).write(to: file)
    _ = try Checkpoint.open(file.path)
  }
}
