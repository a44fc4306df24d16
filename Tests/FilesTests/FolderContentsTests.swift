import Files
import Foundation
import Glibc
import Testing

@Suite struct FolderContentsTests {
  @Test func namesAreAllBesideTheFolderItselfAndItsParent() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let names = ["a", ".hidden", "..data", "é", "with a blank"]
    for name in names { try Data().write(to: folder.appending(path: name)) }
    #expect(try Set(FolderContents.names(in: folder.path)) == Set(names))
    #expect(try FolderContents.names(in: folder.path, limit: 2).count == 2)
  }

  @Test(arguments: [("/nowhere", ENOENT), ("/dev/null", ENOTDIR), ("/\0", ENOENT)])
  func whatIsNoFolderIsTold(path: String, code: Int32) throws {
    let error = try #require(throws: FileError.self) { try FolderContents.names(in: path) }
    #expect(error.code == code)
    #expect(error.description.hasPrefix("listing the folder: "))
  }
}
