import Files
import Foundation
import Glibc
import Testing

@Suite struct AtomicFileTests {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "frcnn-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func name(_ last: String) -> FileName { FileName(folder.path + "/" + last) }

  private var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
  }

  @Test func aFileAppearsWholeOrNotAtAll() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = try AtomicFile(replacing: name("a"))
    try file.write([1, 2])
    #expect(try names.filter { !$0.hasSuffix(".partial") } == [])
    try file.write([3])
    try file.commit()
    #expect(try names == ["a"])
    #expect(try Data(contentsOf: folder.appending(path: "a")) == Data([1, 2, 3]))

    let given = try AtomicFile(replacing: name("a"))
    try given.write([9])
    given.discard()
    #expect(try names == ["a"])
    #expect(try Data(contentsOf: folder.appending(path: "a")) == Data([1, 2, 3]))
  }

  @Test("a file that is being written has no name, which an end by a signal could leave (L06)")
  func anEndHalfwayLeavesNothing() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    // `O_TMPFILE`, of which not every file system is capable.
    let probe = unsafe open(folder.path, 0o20_000_000 | O_DIRECTORY | O_WRONLY, 0o600)
    guard probe >= 0 else { return }
    close(probe)
    let file = try AtomicFile(replacing: name("model.safetensors"))
    try file.write([UInt8](repeating: 7, count: 1 << 20))
    #expect(try names == [])
    file.discard()
    #expect(try names == [])
  }

  @Test func permissionsOfWhatIsReplacedStay() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "a").path
    try Data([1]).write(to: URL(filePath: path))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    try AtomicFile.write([2], to: name("a"))
    let permissions = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
    #expect(permissions as? Int == 0o600)
  }

  @Test(arguments: [true, false]) func aLinkStaysAndItsTargetIsReplaced(exists: Bool) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let target = folder.appending(path: "v1")
    if exists { try Data([1]).write(to: target) }
    // Relative, and through a second link.
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/middle", withDestinationPath: "v1")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/current", withDestinationPath: folder.path + "/middle")
    try AtomicFile.write([2], to: name("current"))
    #expect(try Data(contentsOf: target) == Data([2]))
    #expect(try names == ["current", "middle", "v1"])
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: folder.path + "/middle") == "v1")
  }

  @Test func aPipeIsWrittenIntoAndStays() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.path + "/pipe"
    let made = unsafe mkfifo(path, 0o600)
    try #require(made == 0)
    let reader = unsafe open(path, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    try AtomicFile.write([7, 8], to: name("pipe"))
    var bytes = [UInt8](repeating: 0, count: 4)
    let count = unsafe read(reader, &bytes, 4)
    #expect(count == 2)
    #expect(bytes[..<2] == [7, 8])
    #expect(name("pipe").kind == .other)
  }

  @Test func aFullDeviceIsAnError() {
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(throws: FileError.self) { try AtomicFile.write([1], to: FileName("/dev/full")) }
    #expect(FileName("/dev/full").kind == .other)
  }

  @Test func aFolderOrAMissingOneIsRefusedAtOnce() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(throws: FileError.self) { try AtomicFile.check(FileName(folder.path)) }
    #expect(throws: FileError.self) { try AtomicFile.check(name("none/a")) }
    try AtomicFile.check(name("a"))
    #expect(try names == [])
  }
}
