import Foundation
import Glibc
import Testing

/// What went wrong once on the command line, each held to its right answer; the names are those under which
/// the cases are kept.
@Suite struct CaseTests {
  private static func fixture(_ name: String) -> String {
    Program.repository.appending(path: "Tests/FasterRCNNTests/Fixtures/\(name)").path
  }

  private func expect(
    _ arguments: [String], _ status: Int32, _ words: String...,
    sourceLocation: SourceLocation =
      #_sourceLocation
  ) async throws {
    let result = try await Program.run(arguments)
    #expect(result.status == status, "\(result.errors)", sourceLocation: sourceLocation)
    for words in words {
      #expect(result.errors.contains(words), "\(result.errors)", sourceLocation: sourceLocation)
    }
    #expect(result.output.isEmpty, sourceLocation: sourceLocation)
  }

  /// A folder with a picture, a file that is none, and a folder that is called like one.
  private func pictures() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(
      at: Program.example, to: URL(filePath: folder.path("a.jpg")))
    try Data("no picture".utf8).write(to: URL(filePath: folder.path("b.jpg")))
    try FileManager.default.createDirectory(
      atPath: folder.path("c.jpg"), withIntermediateDirectories: false)
    return folder
  }

  @Test("C51: an empty file was read, and its contents are wrong") func emptyFile() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path("empty.pth")
    try Data().write(to: URL(filePath: path))
    try await expect(["inspect", path], 65, "the file is empty")
    try await expect(["detect", Program.example.path, "--model", path], 65, "the file is empty")
  }

  @Test("L10: what cannot be written is told before the work") func unwritable() async throws {
    let pictures = try pictures()
    // A folder into which nobody writes, root neither.
    for arguments in [
      ["convert", Self.fixture("simple-faster-rcnn.safetensors"), "/proc/o", "--svd", "2,2"],
      ["init", "vgg16", "/proc/o"], ["calibrate", "--images", pictures.url.path, "-o", "/proc/o"],
      ["detect", Program.example.path, "--annotate", "/proc/o"],
      ["detect", pictures.url.path, "-o", "/proc/o"],
    ] {
      try await expect(arguments, 73, "/proc/o")
    }
  }

  @Test("L11: one of several pictures that is none is passed over with a note")
  func brokenPicture() async throws {
    let pictures = try pictures()
    let output = try TemporaryFolder()
    let result = try await Program.run([
      "calibrate", "--images", pictures.url.path, "-o", output.path("int8.safetensors"),
    ])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("b.jpg"), "\(result.errors)")
    #expect(FileManager.default.fileExists(atPath: output.path("int8.safetensors")))
  }

  @Test("L12: a folder that cannot be listed is named, with the reason") func noFolder()
    async throws
  {
    try await expect(
      ["calibrate", "--images", "/nowhere", "-o", "x"], 66,
      "cannot list the folder /nowhere: there is none")
    try await expect(
      ["calibrate", "--images", Program.example.path, "-o", "x"], 66, "it is a file")
  }

  @Test("L24: a model is not written to standard output") func standardOutput() async throws {
    try await expect(
      ["convert", Self.fixture("simple-faster-rcnn.safetensors"), "-"], 64, "standard output")
    #expect(!FileManager.default.fileExists(atPath: "-"))
  }

  @Test("L25: the bounds of a size are said", arguments: ["10x10", "99999x99999", "600", "a x b"])
  func planSize(size: String) async throws {
    try await expect(["inspect", "--plan", size], 64, "from 16 to 8192")
  }

  @Test("V22, V24: a folder that is no dataset is named as such") func noDataset() async throws {
    let folder = try TemporaryFolder()
    try await expect(
      ["evaluate", folder.url.path], 65, "\(folder.url.path): no dataset is here that is known")
    try await expect(["evaluate", "/nowhere"], 66, "/nowhere: there is no such folder")
  }

  @Test("L19: progress stays in its line, and keeps silent where there is no going back in one")
  func progress() async throws {
    let pictures = try pictures()
    for (terminal, columns) in [("xterm", 20), ("xterm", 80), ("dumb", 80)] {
      let output = try TemporaryFolder()
      let shown = try await Self.onTerminal(
        ["detect", pictures.url.path, "-o", output.path("found.jsonl")], terminal: terminal,
        columns: UInt16(columns))
      if terminal == "dumb" {
        #expect(!shown.contains("\u{1B}"), "\(shown)")
      } else {
        #expect(shown.contains("\u{1B}[K"), "\(shown)")
        // What stands before the end of a line that is cleared is what was seen of it.
        for line in shown.split(whereSeparator: { $0 == "\n" || $0 == "\r" || $0 == "\r\n" }) {
          let seen = line.components(separatedBy: "\u{1B}[K")
          #expect(seen.count == 1 || seen[0].count < columns, "\(line)")
        }
      }
    }
  }

  /// Runs a command whose standard error is a terminal.
  ///
  /// - Returns: what was shown there.
  private static func onTerminal(
    _ arguments: [String], terminal: String, columns: UInt16
  ) async throws -> String {
    // What `posix_openpt`, `unlockpt` and `ptsname` do, which are not imported (ioctl_tty(2)).
    let controller = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY)
    var (locked, number) = (Int32(0), Int32(0))
    let (unlock, getNumber) = (UInt(0x4004_5431), UInt(0x8004_5430))
    #expect(unsafe controller >= 0 && ioctl(controller, unlock, &locked) == 0)
    #expect(unsafe ioctl(controller, getNumber, &number) == 0)
    defer { close(controller) }
    let name = "/dev/pts/\(number)"
    let screen = unsafe open(name, O_RDWR | O_NOCTTY)
    #expect(screen >= 0)
    var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    #expect(unsafe ioctl(screen, UInt(TIOCSWINSZ), &size) == 0)
    let process = Program.process(arguments, environment: ["TERM": terminal])
    process.standardError = FileHandle(fileDescriptor: screen, closeOnDealloc: false)
    process.standardOutput = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    close(screen)
    return try await onThread {
      var shown: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 4096)
      while true {
        // At the end, when nobody has the terminal open any more, a read fails.
        let count = unsafe read(controller, &buffer, buffer.count)
        guard count > 0 else { break }
        shown += buffer[..<count]
      }
      process.waitUntilExit()
      return String(decoding: shown, as: UTF8.self)
    }
  }
}
