import Batch
import Files
import Foundation
import Glibc
import Testing

@Suite struct NamedPicturesTests {
  private func names(
    _ inputs: [NamedPictures.Input], in folder: TestFolder, shard: Shard = .whole,
    separator: UInt8 = 0x0A
  ) throws -> [String] {
    var options = NamedPictures.Options(suffixes: [".jpg", ".png"])
    options.shard = shard
    options.separator = separator
    var source = NamedPictures(inputs, options: options)
    var names: [String] = []
    while let entry = try source.next() {
      names.append("\(entry.index) \(try #require(entry.name))")
    }
    return names.map { $0.replacingOccurrences(of: folder.url.path + "/", with: "") }
  }

  @Test func walksFoldersInTheOrderOfNames() throws {
    let folder = try TestFolder()
    try folder.make(["b.jpg", "a/z.PNG", "a/x/1.jpg", "c.txt", ".hidden/d.jpg", "._b.jpg", "B.jpg"])
    #expect(
      try names([.path(FileName(folder.url.path))], in: folder)
        == ["0 B.jpg", "1 a/x/1.jpg", "2 a/z.PNG", "3 b.jpg"])
  }

  @Test func followsLinksToFilesAndNotToFolders() throws {
    let folder = try TestFolder()
    try folder.make(["real/a.jpg"])
    let files = FileManager.default
    try files.createSymbolicLink(
      atPath: folder.url.path + "/link.jpg", withDestinationPath: "real/a.jpg")
    try files.createSymbolicLink(atPath: folder.url.path + "/round", withDestinationPath: ".")
    let made = unsafe mkfifo(folder.url.path + "/pipe.jpg", 0o600)
    try #require(made == 0)
    #expect(
      try names([.path(FileName(folder.url.path))], in: folder)
        == ["0 link.jpg", "1 real/a.jpg"])
  }

  @Test func whatIsNotThereIsAPictureAndTheOthersFollow() throws {
    let folder = try TestFolder()
    try folder.make(["a/1.jpg", "b/2.jpg"])
    var source = NamedPictures(
      [.path(folder.name("none")), .path(folder.name("b"))], options: .init(suffixes: [".jpg"]))
    #expect(try source.next()?.name == folder.name("none"))
    #expect(try source.next()?.name == folder.name("b/2.jpg"))
    #expect(try source.next() == nil)
  }

  @Test func readsListsOfAnyKind() throws {
    let folder = try TestFolder()
    try folder.write("\u{FEFF}a.jpg\r\n\n  b c.jpg\nlast", to: "list.txt")
    #expect(
      try names([.list(folder.name("list.txt"))], in: folder) == [
        "0 a.jpg", "1   b c.jpg", "2 last",
      ])
    try folder.write("a\nb.jpg\0c.jpg\0", to: "zero.txt")
    #expect(
      try names([.list(folder.name("zero.txt"))], in: folder, separator: 0)
        == ["0 a\nb.jpg", "1 c.jpg"])
  }

  @Test func refusesALineLongerThanAnyName() throws {
    let folder = try TestFolder()
    try folder.write(String(repeating: "a", count: 5000), to: "list.txt")
    #expect(throws: BatchError.self) { try names([.list(folder.name("list.txt"))], in: folder) }
  }

  @Test func aListMayNameFolders() throws {
    let folder = try TestFolder()
    try folder.make(["p/1.jpg", "p/2.jpg", "q.jpg"])
    let path = folder.url.path
    try folder.write("\(path)/p\n\(path)/q.jpg\n", to: "list.txt")
    #expect(
      try names([.list(folder.name("list.txt"))], in: folder)
        == ["0 p/1.jpg", "1 p/2.jpg", "2 q.jpg"])
  }

  @Test func shardsHoldEveryPictureOnce() throws {
    let folder = try TestFolder()
    try folder.make((0..<10).map { "\($0).jpg" })
    let input = NamedPictures.Input.path(FileName(folder.url.path))
    let whole = try names([input], in: folder)
    let parts = try (1...3).map { number in
      try names([input], in: folder, shard: try #require(Shard("\(number)/3")))
    }
    #expect(parts.map(\.count) == [4, 3, 3])
    #expect(Set(parts.joined()) == Set(whole))
  }

  @Test(arguments: ["0/3", "4/3", "1", "1/", "/2", "a/b", "1/2/3", "-1/2"])
  func refusesShardsThatAreNone(text: String) {
    #expect(Shard(text) == nil)
  }

  @Test func namesNeedNotBeUTF8() throws {
    let folder = try TestFolder()
    let name = FileName(Array((folder.url.path + "/inv").utf8) + [0xE9, 0x65] + Array(".jpg".utf8))
    let descriptor = unsafe name.withPath { unsafe open($0, O_WRONLY | O_CREAT, 0o600) }
    try #require(descriptor >= 0)
    close(descriptor)
    var source = NamedPictures(
      [.path(FileName(folder.url.path))], options: .init(suffixes: [".jpg"]))
    #expect(try source.next()?.name == name)
  }
}
