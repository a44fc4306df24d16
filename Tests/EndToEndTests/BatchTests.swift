import Foundation
import Glibc
import Testing

/// `frcnn detect -o` and `--worker`.
@Suite struct BatchTests {
  private struct Row: Decodable, Equatable {
    struct Size: Decodable, Equatable {
      var width: Int
      var height: Int
    }
    struct Object: Decodable, Equatable {
      var box: [Float]
      var score: Float
      var label: String
    }
    struct Failure: Decodable, Equatable {
      var status: Int
      var detail: String
    }
    var index: Int
    var file: String?
    var image: Size?
    var detections: [Object]?
    var error: Failure?
  }

  private func rows(_ data: Data) throws -> [Row] {
    try data.split(separator: 0x0A).map { try JSONDecoder().decode(Row.self, from: Data($0)) }
  }

  /// A folder of the example under several names, and what is no picture between.
  private func pictures() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let example = try Data(contentsOf: Program.example)
    try FileManager.default.createDirectory(
      atPath: folder.path("in/below"), withIntermediateDirectories: true)
    for name in ["a.jpg", "c.JPG", "below/d.jpeg"] {
      try example.write(to: URL(filePath: folder.path("in/" + name)))
    }
    try Data("text".utf8).write(to: URL(filePath: folder.path("in/b.png")))
    try Data("text".utf8).write(to: URL(filePath: folder.path("in/notes.txt")))
    return folder
  }

  @Test func aRowAPictureInTheOrderOfNames() async throws {
    let folder = try pictures()
    let result = try await Program.run(
      ["detect", folder.path("in"), "-o", folder.path("out.jsonl"), "--threads", "2"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("4 pictures"))
    #expect(result.errors.contains("1 could not be worked on"))
    let found = try rows(Data(contentsOf: URL(filePath: folder.path("out.jsonl"))))
    let names = ["a.jpg", "b.png", "below/d.jpeg", "c.JPG"]
    #expect(found.map(\.file) == names.map { folder.path("in/" + $0) })
    #expect(found.map(\.index) == [0, 1, 2, 3])
    #expect(found[1].error?.status == 65)
    #expect(found[0].detections?.isEmpty == false)
    #expect(found[0].detections == found[3].detections)
    #expect(found[0].image == Row.Size(width: 640, height: 480))
  }

  @Test func goesOnAfterItWasKilled() async throws {
    let folder = try pictures()
    let list = (0..<12).map { folder.path("in/" + ["a.jpg", "b.png", "c.JPG"][$0 % 3]) }
    try Data(list.joined(separator: "\n").utf8).write(to: URL(filePath: folder.path("list.txt")))
    let arguments = ["detect", folder.path("list.txt"), "--threads", "2", "-o"]
    let whole = try await Program.run(arguments + [folder.path("whole.csv")])
    #expect(whole.status == 0, "\(whole.errors)")
    let expected = try Data(contentsOf: URL(filePath: folder.path("whole.csv")))

    let output = URL(filePath: folder.path("out.csv"))
    let process = Program.process(arguments + [output.path], environment: [:])
    process.standardError = FileHandle.nullDevice
    try process.run()
    try await until { (try? Data(contentsOf: output).count) ?? 0 > 200 }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    // Not over what is there, unless that is wanted.
    let refused = try await Program.run(arguments + [output.path])
    #expect(refused.status == 73)
    #expect(refused.errors.contains("--resume"))
    let resumed = try await Program.run(arguments + [output.path, "--resume"])
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(try Data(contentsOf: output) == expected)
  }

  @Test func listsComeFromStandardInputAndRowsGoToStandardOutput() async throws {
    let folder = try pictures()
    let result = try await Program.run(
      ["detect", "-", "-0", "-o", "-", "--shard", "2/2"],
      input: Data("\(folder.path("in/a.jpg"))\0\(folder.path("none.jpg"))\0".utf8))
    // Of all pictures of the part none could be worked on.
    #expect(result.status == 66, "\(result.errors)")
    let found = try rows(result.output)
    #expect(found.map(\.index) == [1])
    #expect(found[0].error?.status == 66)
  }

  @Test func resultsThatCannotBeWrittenAreAnError() async throws {
    let folder = try pictures()
    let full = try await Program.run(["detect", folder.path("in"), "-o", "/dev/full"])
    #expect(full.status == 73)
    #expect(full.errors.contains("No space left"))
    // The device is still one.
    let type = try FileManager.default.attributesOfItem(atPath: "/dev/full")[.type]
    #expect(type as? FileAttributeType == .typeCharacterSpecial)
    let table = try await Program.runInShell(
      "\"$0\" detect \"$1\" > /dev/full", [folder.path("in/a.jpg")])
    #expect(table.status == 73)
    #expect(table.errors.contains("cannot write standard output"))
    let closed = try await Program.runInShell("\"$0\" detect \"$1\" >&-", [folder.path("in/a.jpg")])
    #expect(closed.status == 73)
  }

  @Test func aFolderWithoutAFileOfRowsIsForPeople() async throws {
    let folder = try pictures()
    let result = try await Program.run(["detect", folder.path("in"), "--json"])
    #expect(result.status == 65)
    let lines = try result.output.split(separator: 0x0A).map {
      try #require(JSONSerialization.jsonObject(with: Data($0)) as? [String: Any])
    }
    #expect(
      lines.map { $0["file"] as? String }
        == ["a.jpg", "b.png", "below/d.jpeg", "c.JPG"]
        .map { folder.path("in/" + $0) })
    #expect(lines.map { $0["error"] == nil } == [true, false, true, true])
    let empty = try await Program.run(["detect", folder.path("in/below/..") + "/../none"])
    #expect(empty.status == 66)
  }

  @Test func namesNeedNotBeUTF8() async throws {
    let folder = try pictures()
    let result = try await Program.runInShell(
      "cp \"$1/a.jpg\" \"$1/$(printf 'inv\\351')e.jpg\" && \"$0\" detect \"$1/$(printf 'inv\\351')e.jpg\" --json",
      [folder.path("in")])
    #expect(result.status == 0, "\(result.errors)")
    #expect(String(decoding: result.output, as: UTF8.self).contains("e9652e6a7067\""))
  }

  @Test func aWorkerAnswersEachPictureInOrder() async throws {
    let example = try Data(contentsOf: Program.example)
    var input = Data()
    for picture in [example, Data("text".utf8), Data(), example] {
      input += (0..<4).map { UInt8(truncatingIfNeeded: picture.count >> (24 - 8 * $0)) }
      input += picture
    }
    let result = try await Program.run(["detect", "--worker", "--threads", "2"], input: input)
    #expect(result.status == 0, "\(result.errors)")
    let found = try rows(result.output)
    #expect(found.map(\.index) == [0, 1, 2, 3])
    #expect(found.map { $0.error == nil } == [true, false, false, true])
    #expect(found[0].detections == found[3].detections)
    #expect(found[0].file == nil)
    let cut = try await Program.run(["detect", "--worker"], input: input.dropLast())
    #expect(cut.status == 65)
    #expect(try rows(cut.output).count == 3)
  }

  @Test(arguments: [
    ["--worker", "a.jpg"], ["a.jpg", "-o", "x.jsonl", "--json"], ["a.jpg", "--resume"], [],
    ["a.jpg", "-o", "x.jsonl", "--shard", "3/2"], ["a.jpg", "-o", "x", "--format", "xml"],
  ])
  func optionsThatDoNotFitAreRefused(arguments: [String]) async throws {
    #expect(try await Program.run(["detect"] + arguments).status == 64)
  }
}

extension Program {
  /// Runs a command of the shell, for which the program is `$0`.
  fileprivate static func runInShell(
    _ command: String, _ arguments: [String]
  ) async throws -> Result {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", command, url.path] + arguments
    process.environment = Program.process([], environment: [:]).environment
    let (output, errors) = (Pipe(), Pipe())
    (process.standardOutput, process.standardError) = (output, errors)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    async let outputData = onThread { try output.fileHandleForReading.readToEnd() ?? Data() }
    async let errorData = onThread { try errors.fileHandleForReading.readToEnd() ?? Data() }
    let (first, second) = try await (outputData, errorData)
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus, output: first,
      errors: String(decoding: second, as: UTF8.self))
  }
}
