import Glibc
import Tensors
import Testing

@Suite struct ByteStorageTests {
  private func mappingError(_ path: String) -> FileMappingError? {
    do {
      _ = try ByteStorage.mapping(path: path)
      return nil
    } catch {
      return error
    }
  }

  @Test func mapsThisFile() throws {
    let storage = try ByteStorage.mapping(path: #filePath)
    let start = unsafe storage.withUnsafeBytes {
      unsafe String(decoding: $0.prefix(12), as: UTF8.self)
    }
    #expect(start == "import Glibc")
  }

  @Test func refusesWhatIsNoRegularFile() {
    #expect(mappingError("/")?.reason == .notRegularFile)
    #expect(mappingError("/dev/null")?.reason == .notRegularFile)
    #expect(mappingError("/proc/self/limits")?.reason == .empty)
    #expect(
      mappingError("/no/such/file")?.reason == .systemCall(name: "open", code: ENOENT))
    #expect(mappingError("\(#filePath)\0")?.reason == .systemCall(name: "open", code: EINVAL))
  }

  @Test func adoptedMemoryIsReleasedOnce() {
    final class Counter: @unchecked Sendable { var value = 0 }
    let counter = Counter()
    do {
      let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 1)
      let storage = unsafe ByteStorage(adopting: UnsafeRawBufferPointer(block)) { bytes in
        unsafe bytes.deallocate()
        counter.value += 1
      }
      let tensor = StoredTensor(
        elementType: .uint8, shape: [4], storage: storage, byteOffset: 0)
      #expect(counter.value == 0)
      withExtendedLifetime(tensor) {}
    }
    #expect(counter.value == 1)
  }

  @Test func aFailedFillIsThrown() {
    struct Refused: Error {}
    var thrown = false
    do {
      _ = try unsafe ByteStorage(count: 8) { (_) throws(Refused) in throw Refused() }
    } catch {
      thrown = true
    }
    #expect(thrown)
  }

  @Test func dictionaryKeepsTheOrderOfNames() throws {
    let storage = ByteStorage(copying: [1, 2, 3])
    var dictionary = StateDictionary()
    for (index, name) in ["b", "a", "c"].enumerated() {
      dictionary[name] = StoredTensor(
        elementType: .uint8, shape: [], storage: storage, byteOffset: index)
    }
    #expect(dictionary.names == ["b", "a", "c"])
    dictionary["a"] = nil
    #expect(dictionary.names == ["b", "c"])
    #expect(dictionary.count == 2)
    #expect(dictionary.parameterCount == 2)
  }
}
