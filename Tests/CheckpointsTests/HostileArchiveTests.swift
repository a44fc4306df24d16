import Checkpoints
import Tensors
import Testing

@Suite struct HostileArchiveTests {
  private typealias Member = ZipBuilder.Member

  /// A small array: the floats 1 and 2.
  private static let array: [UInt8] = {
    let header = Array("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}".utf8)
    return numPy(header, values: [0, 0, 128, 63, 0, 0, 0, 64])
  }()

  /// A version 1.0 array file of a header and its values' bytes.
  private static func numPy(_ header: [UInt8], values: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = [0x93]
    bytes += Array("NUMPY".utf8)
    bytes += [1, 0]
    bytes += UInt16(header.count).littleEndianBytes
    bytes += header
    bytes += values
    return bytes
  }

  private func member(_ name: String = "x.npy", _ bytes: [UInt8] = array) -> Member {
    Member(name: name, bytes: bytes, checksum: ZipBuilder.checksum(bytes))
  }

  private func reason(
    _ members: [Member], _ change: (inout ZipBuilder) -> Void = { _ in }
  ) -> CheckpointError.Reason? {
    var builder = ZipBuilder(members: members)
    change(&builder)
    return readingError(builder.bytes())?.reason
  }

  private func isMalformed(_ reason: CheckpointError.Reason?) -> Bool {
    if case .malformed = reason { true } else { false }
  }

  @Test func aPlainArchiveIsRead() throws {
    var builder = ZipBuilder(members: [member(), member("y.npy"), member("notes.txt", [1, 2])])
    builder.comment = Array("PK\u{5}\u{6} in a comment".utf8)
    let dictionary = try Checkpoint(
      contentsOf: ByteStorage(copying: builder.bytes())
    ).stateDictionary
    #expect(dictionary.names == ["x", "y"])
    #expect(dictionary["y"]?.float32Values() == [1, 2])
  }

  @Test func lyingDirectoriesAreRefused() {
    #expect(isMalformed(reason([member()]) { $0.count = 0 }))
    #expect(isMalformed(reason([member()]) { $0.count = 2 }))
    #expect(isMalformed(reason([member()]) { $0.count = 0xFFFF }))
    #expect(isMalformed(reason([member()]) { $0.directoryOffset = 0 }))
    #expect(isMalformed(reason([member()]) { $0.directoryOffset = .max }))
    #expect(isMalformed(reason([member()]) { $0.directoryByteCount = 0 }))
    #expect(isMalformed(reason([member()]) { $0.directoryByteCount = .max }))
    #expect(isMalformed(reason([member()]) { $0.members[0].headerOffset = 1 }))
    #expect(isMalformed(reason([member()]) { $0.members[0].headerOffset = 0xFFFF_FFFE }))
    // Full of ones asks for a zip64 field, and there is none.
    #expect(isMalformed(reason([member()]) { $0.members[0].headerOffset = .max }))
    #expect(isMalformed(reason([member()]) { $0.members[0].localName = "z.npy" }))
    #expect(isMalformed(reason([member()]) { $0.members[0].localName = "longer.npy" }))
  }

  @Test func sizesMustFit() {
    let size = UInt32(Self.array.count)
    #expect(
      reason([member()]) { $0.members[0].keptByteCount = size + 1 }
        == .truncated(what: "the entry", needed: UInt64(size) + 1, available: Int(size)))
    #expect(
      reason([member()]) { $0.members[0].keptByteCount = 0xFFFF_FFFE }
        == .truncated(what: "the entry", needed: 0xFFFF_FFFE, available: Int(size)))
    #expect(
      reason([member()]) { $0.members[0].byteCount = size + 1 }
        == .sizeMismatch(needed: Int(size) + 1, found: Int(size)))
  }

  @Test(arguments: [1 << 40, UInt64(Int.max), UInt64.max, UInt64.max - 20] as [UInt64])
  func zip64SizesMustFit(_ value: UInt64) throws {
    let bytes = ZipBuilder(members: [
      Member(
        name: "x.npy", bytes: Self.array, byteCount: .max, keptByteCount: .max, headerOffset: .max,
        extra: [1, 0, 24, 0] + value.littleEndianBytes + value.littleEndianBytes
          + value.littleEndianBytes)
    ]).bytes()
    #expect(try #require(readingError(bytes)).byteOffset != nil)
  }

  @Test func overlappingEntriesAreRefused() {
    #expect(
      reason([member(), member("y.npy")]) {
        $0.members[1].headerOffset = 0
        $0.members[1].localName = nil
      } != nil)
    // Two records of one local header.
    #expect(
      reason([member(), member("y.npy")]) {
        $0.members[1].name = "x.npy"
        $0.members[1].headerOffset = 0
      } == .duplicateName)
    // One entry within another: the second header lies in the first one's bytes.
    var inner = ZipBuilder(members: [member()]).bytes()
    inner.removeLast(inner.count - (30 + 5 + Self.array.count))
    let builder = ZipBuilder(members: [
      Member(name: "o.npy", bytes: inner, checksum: ZipBuilder.checksum(inner)),
      Member(name: "x.npy", bytes: [], keptByteCount: 10, headerOffset: 30 + 5),
    ])
    var changed = builder
    changed.members[1].byteCount = 10
    #expect(readingError(changed.bytes())?.reason == .overlap)
  }

  @Test func damagedBytesAreNoticed() {
    guard
      case .checksumMismatch? = reason([member()], { $0.members[0].checksum ^= 1 })
    else {
      Issue.record("a wrong checksum was accepted")
      return
    }
  }

  @Test func encryptionAndOtherMethodsAreRefused() {
    for change: @Sendable (inout ZipBuilder) -> Void in [
      { $0.members[0].flags = 1 }, { $0.members[0].method = 12 },
    ] {
      guard case .unsupported? = reason([member()], change) else {
        Issue.record("it was accepted")
        return
      }
    }
  }

  /// A deflated stream of stored blocks (RFC 1951 section 3.2.4).
  private func deflated(_ bytes: [UInt8]) -> [UInt8] {
    let size = UInt16(bytes.count)
    return [1] + size.littleEndianBytes + (~size).littleEndianBytes + bytes
  }

  private func compressed(_ bytes: [UInt8], byteCount: Int) -> Member {
    Member(
      name: "x.npy", bytes: bytes, method: 8, checksum: ZipBuilder.checksum(Self.array),
      byteCount: UInt32(byteCount))
  }

  @Test func deflatedEntriesMustBeAsLongAsStated() {
    let bytes = deflated(Self.array)
    let size = Self.array.count
    #expect(reason([compressed(bytes, byteCount: size)]) == nil)
    #expect(
      reason([compressed(bytes, byteCount: size - 1)])
        == .sizeMismatch(needed: size - 1, found: size))
    #expect(
      reason([compressed(bytes, byteCount: size + 1)])
        == .sizeMismatch(needed: size + 1, found: size))
    #expect(
      reason([compressed(bytes, byteCount: 0)]) == .sizeMismatch(needed: 0, found: 1))
    #expect(
      reason([compressed(bytes + [0], byteCount: size)]) == .unusedBytes(count: 1))
    #expect(reason([compressed([], byteCount: 0)]) != nil)
    #expect(isMalformed(reason([compressed([7], byteCount: 8)])))
    guard
      case .truncated? = reason([compressed(Array(bytes.dropLast(3)), byteCount: size)])
    else {
      Issue.record("a stream without an end was accepted")
      return
    }
  }

  @Test func deflateCannotGrowBeyondItsOwnRatio() {
    #expect(
      reason([compressed([1, 0, 0, 0xFF, 0xFF], byteCount: 6000)])
        == .limitExceeded(what: "the inflated size", value: 6000, limit: 5 * 1032))
  }

  @Test func allEntriesTogetherAreBounded() {
    // Forty entries that each claim to grow a thousandfold to 4 MB.
    let bytes = [UInt8](repeating: 0, count: 4096)
    let members = (0..<40).map { index in
      var member = compressed(bytes, byteCount: 4_000_000)
      member.name = "\(index).npy"
      return member
    }
    guard case .limitExceeded(let what, _, _)? = reason(members) else {
      Issue.record("160 MB out of 160 kB were accepted")
      return
    }
    #expect(what == "the inflated size")
  }

  @Test(arguments: [
    "", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}",
    "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
    "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2.0,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (nan,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': [2]}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} {}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9223372036854775807, 9)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}",
    "{'descr': '<f4\\x00', 'fortran_order': False, 'shape': (2,)}",
    "__import__('os').system('x')",
  ])
  func hostileArrayHeadersAreLocated(_ header: String) throws {
    let bytes = Self.numPy(Array(header.utf8), values: [UInt8](repeating: 0, count: 8))
    let error = try #require(readingError(bytes))
    #expect(error.tensorName == "arr_0")
    let offset = try #require(error.byteOffset)
    #expect((0...bytes.count).contains(offset))
  }

  @Test(arguments: ["<U5", "|S3", "<c8", "<M8[ns]", "|V2", "<f16", "<x4", "f", ""])
  func typesThatAreNoNumbersAreNamed(_ code: String) {
    let header = "{'descr': '\(code)', 'fortran_order': False, 'shape': (2,), }"
    let bytes =
      [0x93] + Array("NUMPY".utf8) + [1, 0] + UInt16(header.utf8.count).littleEndianBytes
      + Array(header.utf8)
    #expect(readingError(bytes)?.reason == .unsupportedElementType(code))
  }

  @Test(arguments: [
    "simple-faster-rcnn.pth", "simple-faster-rcnn-legacy.pth", "chainercv.npz",
    "odd/odd-zip64.pth", "odd/odd-streamed.pth", "odd/arrays.npz", "odd/arrays-deflated.npz",
    "odd/arrays-protocol2.pkl", "odd/arrays-protocol5.pkl", "odd/version2.npy",
    "odd/odd-legacy-protocol4.pth",
  ])
  func cuttingAFileAnywhereIsALocatedError(_ name: String) throws {
    let original = try TestFiles.bytes(name)
    let whole = ByteStorage(copying: original)
    let last = original.count - 1
    // Every byte of the small files; samples of the large ones, which differ in size alone.
    let step = original.count < 8192 ? 1 : 31
    let ends =
      Array(stride(from: 0, to: min(8192, last), by: step))
      + stride(from: 8192, to: last, by: 7919) + (0..<64).map { max(0, last - $0) }
    for end in ends {
      // A view of the first bytes, so that nothing is copied for each of the many cuts.
      let part = unsafe whole.withUnsafeBytes {
        unsafe UnsafeRawBufferPointer(rebasing: $0[..<end])
      }
      let storage = unsafe ByteStorage(adopting: part) { _ in withExtendedLifetime(whole) {} }
      do {
        _ = try Checkpoint(contentsOf: storage)
        Issue.record("\(end) of \(original.count) bytes were read")
      } catch {
        #expect(error.byteOffset != nil, "\(end): \(error)")
      }
    }
  }
}
