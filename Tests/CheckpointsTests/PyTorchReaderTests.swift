import Checkpoints
import Tensors
import Testing

/// What today's PyTorch no longer writes, put together by hand.
@Suite struct PyTorchReaderTests {
  /// A file of one pickle, one storage of 16 bytes under the key 0, and perhaps more entries.
  private func read(
    _ build: (inout PickleBuilder) -> Void, storage: [UInt8], more: [ZipBuilder.Member] = []
  ) throws -> Checkpoint {
    var pickle = PickleBuilder()
    build(&pickle)
    pickle.stop()
    let members = [
      ZipBuilder.Member(
        name: "a/data.pkl", bytes: pickle.bytes, checksum: ZipBuilder.checksum(pickle.bytes)),
      ZipBuilder.Member(name: "a/data/0", bytes: storage),
    ]
    let archive = ZipBuilder(members: members + more)
    return try Checkpoint(contentsOf: ByteStorage(copying: archive.bytes()))
  }

  private let floats: [UInt8] = [0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64]

  /// A Python 2 string (SHORT_BINSTRING).
  private func rawText(_ text: String) -> [UInt8] {
    [0x55, UInt8(text.utf8.count)] + Array(text.utf8)
  }

  @Test func python2WritesOrderedDictionariesAsLists() throws {
    let checkpoint = try read(
      {
        $0.raw("}")
        $0.raw(rawText("state_dict"))
        $0.global("collections", "OrderedDict")
        $0.raw("(]](")
        $0.raw(rawText("w"))
        $0.tensor(count: 4, offset: 1, size: [3], strides: [1])
        $0.raw("eatRs")
        $0.raw(rawText("note"))
        $0.raw(rawText("made long ago"))
        $0.raw("s")
      }, storage: floats)
    #expect(checkpoint.stateDictionary["w"]?.float32Values() == [2, 3, 4])
    #expect(checkpoint.attributes["note"]?.text == "made long ago")
  }

  @Test func bigEndianStoragesAreTurnedRound() throws {
    let order = Array("big".utf8)
    let swapped = stride(from: 0, to: 16, by: 4).flatMap { Array(floats[$0..<$0 + 4].reversed()) }
    let checkpoint = try read(
      {
        $0.dictionary("w") { $0.tensor(count: 4, offset: 0, size: [2, 2], strides: [2, 1]) }
      }, storage: swapped,
      more: [.init(name: "a/byteorder", bytes: order, checksum: ZipBuilder.checksum(order))])
    #expect(checkpoint.stateDictionary["w"]?.float32Values() == [1, 2, 3, 4])
  }

  @Test func anUnknownByteOrderIsRefused() {
    let order = Array("middle".utf8)
    #expect(throws: CheckpointError.self) {
      try read(
        { $0.dictionary("w") { $0.tensor(count: 4, offset: 0, size: [4], strides: [1]) } },
        storage: floats,
        more: [.init(name: "a/byteorder", bytes: order, checksum: ZipBuilder.checksum(order))])
    }
  }

  @Test func cudaStoragesAreRead() throws {
    let checkpoint = try read(
      {
        $0.dictionary("w") {
          $0.global("torch._utils", "_rebuild_tensor")
          $0.raw("((")
          $0.text("storage")
          $0.global("torch.cuda", "FloatStorage")
          $0.text("0")
          $0.text("cuda:0")
          $0.integer(4)
          $0.raw("tQ")
          $0.integer(0)
          $0.tuple([4])
          $0.tuple([1])
          $0.raw("tR")
        }
      }, storage: floats)
    #expect(checkpoint.stateDictionary["w"]?.float32Values() == [1, 2, 3, 4])
  }

  @Test func thePrefixGoesOnlyWhereEveryNameHasIt() throws {
    func names(_ names: [String]) throws -> [String] {
      try read(
        {
          $0.raw("}")
          for name in names {
            $0.text(name)
            $0.tensor(count: 4, offset: 0, size: [1], strides: [1])
            $0.raw("s")
          }
        }, storage: floats
      ).stateDictionary.names
    }
    #expect(try names(["module.a", "module.b"]) == ["a", "b"])
    #expect(try names(["module.a", "b"]) == ["module.a", "b"])
    #expect(try names(["module."]) == ["module."])
  }

  @Test func oneOfSeveralStateDictionariesMustBeNamedAsUsual() throws {
    func read(_ keys: [String]) throws -> Checkpoint {
      try self.read(
        {
          $0.raw("}")
          for (index, key) in keys.enumerated() {
            $0.text(key)
            $0.dictionary("w") {
              $0.tensor(count: 4, offset: index, size: [1], strides: [1])
            }
            $0.raw("s")
          }
        }, storage: floats)
    }
    let checkpoint = try read(["ema", "model"])
    #expect(checkpoint.stateDictionary["w"]?.float32Values() == [2])
    // The other one stays reachable.
    guard case .tensor(let tensor) = checkpoint.attributes["ema"]?["w"] else {
      Issue.record("\(checkpoint.attributes)")
      return
    }
    #expect(tensor.float32Values() == [1])
    #expect(try read(["generator"]).stateDictionary.count == 1)
    do {
      _ = try read(["generator", "critic"])
      Issue.record("one of two was chosen")
    } catch let error as CheckpointError {
      #expect(error.reason == .severalStateDictionaries(["generator", "critic"]))
    }
  }
}
