import Foundation
import Testing

@Suite struct CommandLineTests {
  @Test func saysItsVersion() async throws {
    let result = try await Program.run(["--version"])
    #expect(result.status == 0)
    #expect(result.text.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
  }

  /// A command that is not in the help is not there for a person.
  @Test(arguments: ["serve", "detect", "evaluate", "inspect", "convert", "init", "health"])
  func everyCommandTeachesByExample(command: String) async throws {
    let overview = try await Program.run(["--help"])
    #expect(overview.text.contains("\n  \(command) "))
    let help = try await Program.run([command, "--help"])
    #expect(help.status == 0)
    #expect(help.text.contains("frcnn \(command)"))
    #expect(help.text.contains("Example"))
  }

  @Test func everyFlagOfTheServerHasItsVariable() async throws {
    let help = try await Program.run(["serve", "--help"])
    let flags = help.text.matches(of: /\n  --([a-z-]+) </).map { String($0.1) }
    #expect(flags.count >= 14)
    for flag in flags {
      let variable = "FRCNN_" + flag.uppercased().replacing("-", with: "_")
      #expect(help.text.contains(variable), "\(flag) has no \(variable)")
    }
  }

  @Test(arguments: [
    (["serve", "--port", "notaport"], "--port is 'notaport'; it takes a whole number"),
    (["serve", "--port", "70000"], "--port is '70000'"),
    (["serve", "--max-body", "1 MB"], "--max-body is '1 MB'; it takes a number of bytes"),
    (["serve", "--idle-timeout", "soon"], "--idle-timeout is 'soon'; it takes a time"),
    (["serve", "--nonsense"], "--nonsense"),
    (["init", "vgg16", "x", "--classes", "0"], "--classes is 0"),
    (["init", "resnet9000", "x"], "resnet9000"),
    (["detect"], "picture"),
    (["health", "gopher://here"], "'gopher://here' is no address"),
    (["nonsense"], "nonsense"),
  ])
  func wrongUsageIsNamedAndEndsWith64(arguments: [String], message: String) async throws {
    let result = try await Program.run(arguments)
    #expect(result.status == 64)
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(result.output.isEmpty)
  }

  @Test func aWrongVariableIsNamedAndEndsWith78() async throws {
    let result = try await Program.run(
      ["serve", "--port", "0"], environment: ["FRCNN_QUEUE": "many"])
    #expect(result.status == 78)
    #expect(result.errors.contains("FRCNN_QUEUE is 'many'; it takes a whole number"))
  }

  @Test func aFlagWinsOverItsVariable() async throws {
    // The variable alone would be refused, so that reading it would show.
    let result = try await Program.run(
      ["serve", "--queue", "none"], environment: ["FRCNN_QUEUE": "many"])
    #expect(result.status == 64)
    #expect(result.errors.contains("--queue is 'none'"))
  }

  @Test func aMissingModelIsNamedAndEndsWith66() async throws {
    let result = try await Program.run([
      "serve", "--port", "0", "--model", "/nowhere/m.safetensors",
    ])
    #expect(result.status == 66)
    #expect(result.errors.contains("/nowhere/m.safetensors"))
  }

  @Test func aModelThatIsNoneIsNamedAndEndsWith65() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path("broken.safetensors")
    try Data("this is no checkpoint".utf8).write(to: URL(filePath: path))
    for command in [
      ["serve", "--port", "0", "--model", path], ["detect", Program.example.path, "--model", path],
      ["inspect", path], ["convert", path, folder.path("out.safetensors")],
    ] {
      let result = try await Program.run(command)
      #expect(result.status == 65)
      #expect(result.errors.contains("broken.safetensors"), "\(result.errors)")
    }
  }

  @Test func aFolderThatIsNotThereIsToldBeforeTheWorkIsDone() async throws {
    let result = try await Program.run(["init", "vgg16", "/nowhere/vgg16.safetensors"])
    #expect(result.status == 73)
    // After the weights were drawn it would be the writer's message, which names its step.
    #expect(result.errors.hasPrefix("frcnn: cannot write /nowhere/vgg16.safetensors: "))
  }

  @Test func healthOfNobodyIsOne() async throws {
    // Port 1 is reserved (tcpmux) and in no test's hands.
    let result = try await Program.run(["health", "http://127.0.0.1:1"])
    #expect(result.status == 1)
    #expect(result.text.hasPrefix("not ready: 127.0.0.1:1: "))
  }
}
