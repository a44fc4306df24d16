import Checkpoints
import Tensors
import Testing

@Suite struct HostilePickleTests {
  /// What reading a PyTorch archive with this pickle and a storage of 16 floats throws.
  private func error(
    protocol version: UInt8 = 2, _ build: (inout PickleBuilder) -> Void
  ) -> CheckpointError? {
    var pickle = PickleBuilder(protocol: version)
    build(&pickle)
    pickle.stop()
    return readingError(ZipBuilder.pyTorch(pickle.bytes))
  }

  private func tensorError(
    count: Int = 16, offset: Int = 0, size: [Int] = [16], strides: [Int] = [1], key: String = "0",
    storage: String = "FloatStorage"
  ) -> CheckpointError? {
    error {
      $0.dictionary("w") {
        $0.tensor(
          key: key, count: count, offset: offset, size: size, strides: strides, storage: storage)
      }
    }
  }

  @Test func tensorsWithinTheirStorageAreRead() {
    #expect(tensorError() == nil)
    #expect(tensorError(offset: 16, size: [0], strides: [1]) == nil)
    #expect(tensorError(offset: 1, size: [3, 5], strides: [5, 1]) == nil)
    #expect(tensorError(offset: 15, size: [], strides: []) == nil)
  }

  @Test func tensorsOutsideTheirStorageAreRefused() {
    let cases: [(Int, [Int], [Int])] = [
      (1, [16], [1]), (16, [], []), (17, [0], [1]), (0, [17], [1]), (0, [2], [16]),
      (-1, [1], [1]), (.min, [1], [1]), (.max, [1], [1]), (.max / 4, [1], [1]),
      (1 << 61, [1], [1]), (0, [2], [.max]), (0, [3], [.max]), (0, [2], [-1]), (4, [2], [-1]),
      (0, [2, 2], [.max, .max]), (0, [2], [.min]),
    ]
    for (offset, size, strides) in cases {
      let error = tensorError(offset: offset, size: size, strides: strides)
      #expect(error?.reason == .outsideStorage, "\(offset) \(size) \(strides)")
      #expect(error?.tensorName == "w")
      #expect(error?.byteOffset != nil)
    }
  }

  @Test func impossibleShapesAreRefused() {
    #expect(tensorError(size: [-1])?.reason == .invalidShape([-1]))
    #expect(tensorError(size: [.max, 2], strides: [0, 0])?.reason == .invalidShape([.max, 2]))
    #expect(tensorError(size: [4], strides: [])?.reason == .invalidShape([4]))
    let axes = [Int](repeating: 1, count: 65)
    #expect(tensorError(size: axes, strides: axes)?.tensorName == "w")
  }

  @Test func anAxisOfStrideZeroCannotFillTheMemory() {
    guard case .limitExceeded? = tensorError(size: [1 << 40], strides: [0])?.reason else {
      Issue.record("a view of 4 TiB was accepted")
      return
    }
  }

  @Test func storagesMustBeWhatTheFileHolds() {
    #expect(tensorError(count: 17)?.reason == .sizeMismatch(needed: 68, found: 64))
    #expect(tensorError(count: .max)?.reason == .sizeMismatch(needed: .max, found: 64))
    #expect(
      tensorError(key: "../0")?.reason == .malformed("the archive lacks the storage '../0'"))
    #expect(
      tensorError(storage: "ComplexFloatStorage")?.reason
        == .unsupportedElementType("ComplexFloatStorage"))
    #expect(
      tensorError(storage: "SecretStorage")?.reason
        == .unsupportedElementType("an unknown storage"))
    #expect(tensorError(count: -1)?.reason == .unsupportedElementType("an unknown storage"))
  }

  @Test func nothingIsCalled() throws {
    // os.system("...") beside a tensor: it becomes an inert object.
    var pickle = PickleBuilder()
    pickle.raw("}(")
    pickle.text("w")
    pickle.tensor(count: 16, offset: 0, size: [2], strides: [1])
    pickle.text("evil")
    pickle.global("posix", "system")
    pickle.text("touch /tmp/pwned")
    pickle.raw([0x85])
    pickle.raw("R")
    pickle.raw("u")
    pickle.stop()
    let checkpoint = try Checkpoint(
      contentsOf: ByteStorage(copying: ZipBuilder.pyTorch(pickle.bytes)))
    #expect(checkpoint.stateDictionary.names == ["w"])
    guard case .object(let name, let arguments, nil) = checkpoint.attributes["evil"] else {
      Issue.record("\(checkpoint.attributes)")
      return
    }
    #expect(name == "posix.system")
    #expect(arguments.first?.text == "touch /tmp/pwned")
  }

  /// The attributes of a pickle that has a tensor and, under `x`, something else.
  private func attribute(_ build: (inout PickleBuilder) -> Void) throws -> PickleValue? {
    var pickle = PickleBuilder()
    pickle.raw("}(")
    pickle.text("w")
    pickle.tensor(count: 16, offset: 0, size: [2], strides: [1])
    pickle.text("x")
    build(&pickle)
    pickle.raw("u")
    pickle.stop()
    return try Checkpoint(
      contentsOf: ByteStorage(copying: ZipBuilder.pyTorch(pickle.bytes))
    ).attributes["x"]
  }

  @Test func aListThatContainsItselfIsAnErrorInItsPlace() throws {
    let value = try attribute { $0.raw("]q\u{1}h\u{1}a") }
    guard case .unreadable(let error) = value?.elements?.first else {
      Issue.record("\(String(describing: value))")
      return
    }
    #expect(error.reason == .recursion)
    #expect(error.byteOffset != nil)
  }

  @Test func aDictionaryThatContainsItselfHoldsNoWeights() {
    #expect(
      error {
        $0.raw("}q\u{1}")
        $0.text("model")
        $0.raw("h\u{1}s")
      }?.reason == .noStateDictionary)
  }

  @Test func aModuleThatContainsItselfIsRefused() {
    let found = error {
      $0.global("net", "Net")
      $0.raw(")\u{81}q\u{1}}(")
      $0.text("_parameters")
      $0.raw("}")
      $0.text("_modules")
      $0.raw("}")
      $0.text("inner")
      $0.raw("h\u{1}s")
      $0.raw("ub")
    }
    #expect(
      found?.reason
        == .malformed("the modules in the pickle are nested too deep or have no name"))
  }

  @Test func valuesThatDoubleEachOtherStayBounded() throws {
    // Each of 60 lists holds the one before it twice: 2^60 values when written out.
    let value = try attribute {
      $0.raw("]q\u{0}")
      for _ in 0..<60 { $0.raw("0](h\u{0}h\u{0}eq\u{0}") }
    }
    var inner = value
    while let elements = inner?.elements { inner = elements.first }
    guard case .unreadable(let error) = inner, case .limitExceeded = error.reason else {
      Issue.record("\(String(describing: inner))")
      return
    }
  }

  @Test func deepNestingTakesNoStack() throws {
    let value = try attribute {
      $0.raw(String(repeating: "]", count: 200_000))
      $0.raw(String(repeating: "a", count: 199_999))
    }
    var inner = value
    while let elements = inner?.elements { inner = elements.first }
    guard case .unreadable(let error) = inner, case .limitExceeded = error.reason else {
      Issue.record("\(String(describing: inner))")
      return
    }
  }

  /// What running a lone pickle throws.
  private func lonePickleError(_ codes: [UInt8]) -> CheckpointError? {
    readingError([0x80, 2] + codes + [0x2E], as: .pickle)
  }

  @Test func countsAreBounded() {
    func isLimit(_ error: CheckpointError?) -> Bool {
      guard case .limitExceeded = error?.reason else { return false }
      return error?.byteOffset != nil
    }
    #expect(isLimit(lonePickleError([UInt8](repeating: 0x5D, count: 500_001))))
    #expect(isLimit(lonePickleError([0x8B] + UInt32.max.littleEndianBytes)))
    // No new values, only instructions.
    #expect(isLimit(lonePickleError([0x4E] + [UInt8](repeating: 0x32, count: 2_000_000))))
    // One value, remembered in half a million places.
    var puts: [UInt8] = [0x4E]
    for index in UInt32(0)...500_000 { puts += [0x72] + index.littleEndianBytes }
    #expect(isLimit(lonePickleError(puts)))
  }

  @Test(arguments: [
    "", "0", "1", "2", "a", "e", "s", "u", "R", "b", "Q", "t", "l", "d", "\u{81}", "\u{85}",
    "\u{86}", "\u{87}", "\u{93}", "\u{94}", "(", "((", "N1", "]N0a0", "NNa", "NNNs", "](Nu",
    "](NNu",
    "}(Nu", "NNR", "h\u{0}", "j\u{0}\u{0}\u{0}\u{0}", "\u{92}", "\u{90}", "\u{91}",
    "\u{8F}(\u{90}Q(",
    "P", "I", "\u{82}", "\u{97}", "\u{FF}", "\u{80}\u{6}", "(N", "N(", "cA\n", "c", "X\u{1}",
    "]((e",
  ])
  func malformedInstructionsAreLocated(_ codes: String) throws {
    let found = try #require(error { $0.raw(codes) })
    #expect(found.byteOffset != nil)
  }

  private static let cutOperands: [[UInt8]] = {
    var codes: [[UInt8]] = [
      [0x58, 0xFF, 0xFF, 0xFF, 0xFF], [0x54, 0xFF, 0xFF, 0xFF, 0xFF],
      [0x42, 0xFF, 0xFF, 0xFF, 0xFF], [0x8B, 0xFF, 0, 0, 0], [0x8A, 0xFF], [0x43, 0xFF],
      [0x8C, 0xFF], [0x55, 0xFF], [0x47, 0],
    ]
    for (code, byte) in [(0x8D, 0xFF), (0x8E, 0x7F), (0x96, 0xFF), (0x95, 0xFF)] as [(UInt8, UInt8)]
    {
      codes.append([code] + [UInt8](repeating: byte, count: 8))
    }
    return codes
  }()

  @Test(arguments: cutOperands)
  func operandsEndWithThePickle(_ codes: [UInt8]) throws {
    let found = try #require(error { $0.raw(codes) })
    guard case .truncated = found.reason else {
      Issue.record("\(found)")
      return
    }
    #expect(found.byteOffset != nil)
  }

  @Test func sharedTextIsNotCopiedForEachUse() throws {
    // 5,000 byte strings "encoded" from one text of 1,000,000 characters: 5 GB if each were copied.
    let value = try attribute {
      $0.text(String(repeating: "x", count: 1_000_000))
      $0.raw("q\u{0}0](")
      for _ in 0..<5_000 {
        $0.global("numpy.core.multiarray", "scalar")
        $0.raw("(")
        $0.global("numpy", "dtype")
        $0.raw("(")
        $0.text("f8")
        $0.raw("tR")
        $0.global("_codecs", "encode")
        $0.raw("(h\u{0}")
        $0.text("latin1")
        $0.raw("tRtR")
      }
      $0.raw("e")
    }
    #expect(value != nil)
  }

  @Test func legacyStoragesAreHeldAgainstTheFile() throws {
    let original = try TestFiles.bytes("odd/odd-legacy.pth")
    #expect(readingError(original) == nil)
    // As in PyTorch, what stands behind the last storage is nobody's.
    #expect(readingError(original + [0]) == nil)
    // Every place from which a count of elements could be read as something vast.
    for place in stride(from: 0, to: original.count - 8, by: 3) {
      var bytes = original
      bytes.replaceSubrange(place..<place + 8, with: [UInt8](repeating: 0xFF, count: 8))
      if let error = readingError(bytes) { #expect(error.byteOffset != nil) }
    }
  }
}
