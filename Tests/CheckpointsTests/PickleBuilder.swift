/// Puts pickles together instruction by instruction.
struct PickleBuilder {
  private(set) var bytes: [UInt8]

  init(protocol version: UInt8 = 2) {
    bytes = [0x80, version]
  }

  /// Appends instructions by their codes' characters.
  mutating func raw(_ codes: String) { bytes += codes.unicodeScalars.map { UInt8($0.value) } }

  mutating func raw(_ codes: [UInt8]) { bytes += codes }

  mutating func text(_ value: String) {
    bytes += [0x58] + UInt32(value.utf8.count).littleEndianBytes + Array(value.utf8)
  }

  /// A whole number of up to 64 bits (LONG1).
  mutating func integer(_ value: Int) { bytes += [0x8A, 8] + value.littleEndianBytes }

  mutating func tuple(_ values: [Int]) {
    raw("(")
    for value in values { integer(value) }
    raw("t")
  }

  mutating func global(_ module: String, _ name: String) { raw("c\(module)\n\(name)\n") }

  /// A float32 tensor on a storage of a key.
  mutating func tensor(
    key: String = "0", count: Int, offset: Int, size: [Int], strides: [Int],
    storage: String = "FloatStorage"
  ) {
    global("torch._utils", "_rebuild_tensor_v2")
    raw("((")
    text("storage")
    global("torch", storage)
    text(key)
    text("cpu")
    integer(count)
    raw("tQ")
    integer(offset)
    tuple(size)
    tuple(strides)
    raw([0x89])
    global("collections", "OrderedDict")
    raw(")RtR")
  }

  /// A dictionary of one item.
  mutating func dictionary(_ key: String, _ value: (inout PickleBuilder) -> Void) {
    raw("}")
    text(key)
    value(&self)
    raw("s")
  }

  mutating func stop() { raw(".") }
}

/// Puts zip files together, with every field open to lies.
struct ZipBuilder {
  struct Member {
    var name: String
    var bytes: [UInt8]
    var method: UInt16 = 0
    var flags: UInt16 = 0
    var checksum: UInt32 = 0
    /// What the directory states, where it differs from the truth.
    var byteCount: UInt32?
    var keptByteCount: UInt32?
    var headerOffset: UInt32?
    var localName: String?
    var extra: [UInt8] = []
  }

  var members: [Member] = []
  var count: UInt16?
  var directoryOffset: UInt32?
  var directoryByteCount: UInt32?
  var comment: [UInt8] = []

  func bytes() -> [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for member in members {
      let offset = UInt32(file.count)
      let name = Array(member.name.utf8)
      let localName = Array((member.localName ?? member.name).utf8)
      let size = UInt32(member.bytes.count)
      let common: [UInt8] =
        member.flags.littleEndianBytes + member.method.littleEndianBytes + [0, 0, 0, 0]
      file += UInt32(0x0403_4B50).littleEndianBytes + [20, 0] + common
      file += member.checksum.littleEndianBytes + size.littleEndianBytes + size.littleEndianBytes
      file += UInt16(localName.count).littleEndianBytes + [0, 0] + localName + member.bytes
      directory += UInt32(0x0201_4B50).littleEndianBytes + [20, 0, 20, 0] + common
      directory += member.checksum.littleEndianBytes
      directory += (member.keptByteCount ?? size).littleEndianBytes
      directory += (member.byteCount ?? size).littleEndianBytes
      directory += UInt16(name.count).littleEndianBytes
      directory += UInt16(member.extra.count).littleEndianBytes
      directory += [UInt8](repeating: 0, count: 10)
      directory += (member.headerOffset ?? offset).littleEndianBytes + name + member.extra
    }
    let start = UInt32(file.count)
    let number = count ?? UInt16(members.count)
    file += directory + UInt32(0x0605_4B50).littleEndianBytes + [0, 0, 0, 0]
    file += number.littleEndianBytes + number.littleEndianBytes
    file += (directoryByteCount ?? UInt32(directory.count)).littleEndianBytes
    file += (directoryOffset ?? start).littleEndianBytes
    return file + UInt16(comment.count).littleEndianBytes + comment
  }

  /// The CRC-32 of zip (APPNOTE 4.4.7).
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(0xFFFF_FFFF) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in
      value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1
    }
  }

  /// A PyTorch archive of a pickle and one storage of zeros under the key 0.
  static func pyTorch(_ pickle: [UInt8], storageByteCount: Int = 64) -> [UInt8] {
    ZipBuilder(members: [
      Member(name: "a/data.pkl", bytes: pickle, checksum: checksum(pickle)),
      Member(name: "a/data/0", bytes: [UInt8](repeating: 0, count: storageByteCount)),
    ]).bytes()
  }
}
