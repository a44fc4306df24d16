import Foundation
import Tensors
import Testing

/// What a mapped file takes of memory, and that letting go of it loses nothing.
@Suite struct PageReleaseTests {
  /// A file of 8 MB and one byte, each byte another one than its neighbours.
  private final class PatternFile {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "frcnn-pages-\(UUID().uuidString)").path
    static let count = 8 << 20 | 1

    init() throws {
      var data = Data(count: Self.count)
      data[0] = 1
      data[Self.count / 2] = 2
      data[Self.count - 1] = 3
      try data.write(to: URL(filePath: path))
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The bytes of the file's mapping that are in memory, as the kernel counts them.
    func residentByteCount() throws -> Int {
      // Whole: the file says that it has no bytes, and `String(contentsOfFile:)` stops early.
      let handle = try FileHandle(forReadingFrom: URL(filePath: "/proc/self/smaps"))
      let text = String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self)
      let parts = text.components(separatedBy: path + "\n").dropFirst()
      return parts.reduce(0) { sum, part in
        let line = part.split(separator: "\n").first { $0.hasPrefix("Rss:") }
        return sum + (line?.split(separator: " ").dropLast().last.flatMap { Int($0) } ?? 0) * 1024
      }
    }
  }

  private func sum(_ storage: ByteStorage) -> Int {
    unsafe storage.withUnsafeBytes { bytes in
      // Every page is touched; the bytes that are not 0 are among those at multiples of 256.
      let last = bytes.count - 1
      return stride(from: 0, to: bytes.count, by: 256).reduce(0) {
        unsafe $0 + Int(bytes[$1])
      } + (last.isMultiple(of: 256) ? 0 : unsafe Int(bytes[last]))
    }
  }

  @Test func releasedPagesLeaveMemoryAndKeepTheirBytes() throws {
    let file = try PatternFile()
    let storage = try ByteStorage.mapping(path: file.path)
    let wanted = sum(storage)
    #expect(wanted == 6)
    #expect(try file.residentByteCount() >= 8 << 20)
    storage.releasePages(0..<storage.count)
    #expect(try file.residentByteCount() == 0)
    #expect(sum(storage) == wanted)
  }

  @Test func pagesThatNeighboursShareStay() throws {
    let file = try PatternFile()
    let storage = try ByteStorage.mapping(path: file.path)
    _ = sum(storage)
    let before = try file.residentByteCount()
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    storage.releasePages(page + 1..<2 * page)
    storage.releasePages(100..<200)
    storage.releasePages(5..<5)
    #expect(try file.residentByteCount() == before)
    // One byte before a page to one byte behind it: the page between goes, and with it whatever the
    // kernel maps together with it (2 MB where the file's pages are huge).
    storage.releasePages(page - 1..<2 * page + 1)
    #expect(try file.residentByteCount() <= before - page)
  }

  @Test func aTensorReleasesItsOwnPages() throws {
    let file = try PatternFile()
    let storage = try ByteStorage.mapping(path: file.path)
    let tensor = try #require(
      StoredTensor(elementType: .float32, shape: [1 << 20], storage: storage, byteOffset: 0))
    _ = sum(storage)
    let before = try file.residentByteCount()
    tensor.releasePages()
    #expect(try file.residentByteCount() <= before - (4 << 20))
  }

  @Test func memoryThatIsNoFilesIsLeftAlone() {
    let storage = ByteStorage(copying: [UInt8](repeating: 7, count: 1 << 16))
    storage.releasePages(0..<storage.count)
    #expect(unsafe storage.withUnsafeBytes { unsafe $0.allSatisfy { $0 == 7 } })
  }
}
