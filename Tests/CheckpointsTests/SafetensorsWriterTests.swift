import Checkpoints
import Glibc
import Tensors
import Testing

@Suite struct SafetensorsWriterTests {
  private func sample() throws -> StateDictionary {
    let floats = ByteStorage(copying: [0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64])
    let bytes = ByteStorage(copying: [1, 2, 3, 4, 5, 6])
    var dictionary = StateDictionary(metadata: ["z": "1", "a": "\"\\\n\u{1F}é"])
    dictionary["b.flags"] = StoredTensor(
      elementType: .bool, shape: [1], storage: bytes, byteOffset: 0)
    // A transposed view: it is written row by row.
    dictionary["w"] = StoredTensor(
      elementType: .float32, shape: [2, 2], strides: [1, 2], storage: floats, byteOffset: 0)
    dictionary["a.count"] = StoredTensor(
      elementType: .uint8, shape: [3], strides: [2], storage: bytes, byteOffset: 0)
    dictionary["empty"] = StoredTensor(
      elementType: .float32, shape: [0, 4], storage: floats, byteOffset: 16)
    dictionary["scalar"] = StoredTensor(
      elementType: .float32, shape: [], storage: floats, byteOffset: 12)
    return dictionary
  }

  @Test func headerIsSortedPaddedAndExact() throws {
    let bytes = try SafetensorsWriter(sample()).bytes()
    let header = """
      {"__metadata__":{"a":"\\"\\\\\\u000a\\u001fé","z":"1"},\
      "empty":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},\
      "scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]},\
      "w":{"dtype":"F32","shape":[2,2],"data_offsets":[4,20]},\
      "a.count":{"dtype":"U8","shape":[3],"data_offsets":[20,23]},\
      "b.flags":{"dtype":"BOOL","shape":[1],"data_offsets":[23,24]}}
      """
    let padding = (8 - header.utf8.count % 8) % 8
    var expected = UInt64(header.utf8.count + padding).littleEndianBytes
    expected += Array(header.utf8)
    expected += [UInt8](repeating: 0x20, count: padding)
    expected += [0, 0, 128, 64]  // the scalar 4
    expected += [0, 0, 128, 63, 0, 0, 64, 64, 0, 0, 0, 64, 0, 0, 128, 64]  // 1 3 2 4
    expected += [1, 3, 5, 1]
    #expect(bytes == expected)
  }

  @Test func whatIsWrittenIsReadBack() throws {
    let original = try sample()
    let storage = ByteStorage(copying: try SafetensorsWriter(original).bytes())
    let copy = try Checkpoint(contentsOf: storage).stateDictionary
    #expect(copy.isIdentical(to: original))
    #expect(copy.metadata == original.metadata)
  }

  @Test(arguments: [ElementType.float16, .bfloat16, .float32])
  func floatsAreConvertedAndIntegersKept(_ type: ElementType) throws {
    let writer = try SafetensorsWriter(sample(), floatType: type)
    let bytes = writer.bytes()
    #expect(bytes.count == writer.byteCount)
    let copy = try Checkpoint(contentsOf: ByteStorage(copying: bytes)).stateDictionary
    #expect(copy["w"]?.elementType == type)
    // Small whole numbers are exact in all three types.
    #expect(copy["w"]?.float32Values() == [1, 3, 2, 4])
    #expect(copy["a.count"]?.elementType == .uint8)
  }

  @Test func filesAreReplacedWhole() throws {
    let folder = try temporaryFolder()
    defer { removeFolder(folder) }
    let path = folder + "/model.safetensors"
    let dictionary = try sample()
    var progress: [Int] = []
    let writer = try SafetensorsWriter(dictionary)
    try writer.write(to: path) { written, total in
      progress.append(written)
      #expect(total == 24)
    }
    #expect(progress.last == 24)
    #expect(try Checkpoint.open(path).stateDictionary.isIdentical(to: dictionary))
    // A mapping of the old file outlives its replacement.
    let old = try Checkpoint.open(path).stateDictionary
    try SafetensorsWriter(dictionary, floatType: .float16).write(to: path)
    #expect(old.isIdentical(to: dictionary))
    #expect(try Checkpoint.open(path).stateDictionary["w"]?.elementType == .float16)
    #expect(entries(of: folder) == ["model.safetensors"])
  }

  @Test func aTensorBeyondOneBlockIsWrittenInParts() throws {
    // 600 rows of 1,000 columns, stored column by column.
    let rows = 600
    let columns = 1000
    let bytes = (0..<rows * columns).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    var dictionary = StateDictionary()
    dictionary["x"] = StoredTensor(
      elementType: .uint8, shape: [rows, columns], strides: [1, rows],
      storage: ByteStorage(copying: bytes), byteOffset: 0)
    dictionary["y"] = StoredTensor(
      elementType: .uint8, shape: [1, rows * columns], storage: ByteStorage(copying: bytes),
      byteOffset: 0)
    let storage = ByteStorage(copying: try SafetensorsWriter(dictionary).bytes())
    #expect(
      try Checkpoint(contentsOf: storage).stateDictionary.isIdentical(to: dictionary))
  }

  @Test func aFailedWriteLeavesNothing() throws {
    let folder = try temporaryFolder()
    defer { removeFolder(folder) }
    // A folder stands where the file should go, so the last step fails.
    let path = folder + "/taken"
    let code = unsafe mkdir(path, 0o777)
    #expect(code == 0)
    defer { unsafe rmdir(path) }
    let writer = try SafetensorsWriter(sample())
    #expect(throws: CheckpointError.self) { try writer.write(to: path) }
    #expect(throws: CheckpointError.self) { try writer.write(to: folder + "/no/such/folder/x") }
    #expect(entries(of: folder) == ["taken"])
  }

  @Test func theNameKeptForMetadataIsRefused() throws {
    var dictionary = StateDictionary()
    dictionary["__metadata__"] = try sample()["w"]
    #expect(throws: CheckpointError.self) { try SafetensorsWriter(dictionary) }
  }
}

/// A new folder for one test.
func temporaryFolder() throws -> String {
  let path = "/tmp/frcnn-checkpoints-\(getpid())-\(UInt64.random(in: 0 ... .max))"
  let code = unsafe mkdir(path, 0o700)
  try #require(code == 0)
  return path
}

/// The names in a folder, sorted.
func entries(of folder: String) -> [String] {
  guard let directory = unsafe opendir(folder) else { return [] }
  defer { unsafe closedir(directory) }
  var names: [String] = []
  while let entry = unsafe readdir(directory) {
    // Safety: the name is terminated within the entry, which lives until the next call.
    let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// Removes a folder and the files in it.
func removeFolder(_ folder: String) {
  for name in entries(of: folder) { unsafe unlink("\(folder)/\(name)") }
  unsafe rmdir(folder)
}
