import Foundation
import Testing

/// `frcnn calibrate`, and what `--precision` makes of its model.
@Suite struct CalibrateTests {
  /// A folder with one picture, and the embedded model calibrated on it.
  private func calibrated() async throws -> (TemporaryFolder, model: String, report: String) {
    let folder = try TemporaryFolder()
    let pictures = folder.path("pictures")
    try FileManager.default.createDirectory(atPath: pictures, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: Program.example, to: URL(filePath: "\(pictures)/one.jpg"))
    let model = folder.path("int8.safetensors")
    let result = try await Program.run(["calibrate", "--images", pictures, "--output", model])
    #expect(result.status == 0, "\(result.errors)")
    return (folder, model, String(decoding: result.output, as: UTF8.self))
  }

  @Test func writesAModelForEveryPrecision() async throws {
    let (folder, model, report) = try await calibrated()
    defer { withExtendedLifetime(folder) {} }
    #expect(report.contains("ranges of 12 layers"))
    func detect(_ arguments: [String], _ environment: [String: String] = [:]) async throws
      -> (answer: Answer, errors: String)
    {
      let result = try await Program.run(
        ["detect", "--json", Program.example.path, "--score-threshold", "0.5"] + arguments,
        environment: environment)
      #expect(result.status == 0, "\(result.errors)")
      return (try Answer(result.output), result.errors)
    }
    let embedded = try await detect([]).answer.detections
    let exact = try await detect(["--model", model]).answer.detections
    #expect(exact == embedded, "the weights are those of the original")

    let (fast, _) = try await detect(["--model", model, "--precision", "int8"])
    #expect(fast.detections.count == embedded.count)
    for (found, wanted) in zip(fast.detections, embedded) where found.label == wanted.label {
      #expect(abs(found.score - wanted.score) < 0.2)
    }
    // A CPU that lacks what int8 needs computes in float32 and says so.
    let (fallen, errors) = try await detect(
      ["--model", model, "--precision", "int8"], ["DNNL_MAX_CPU_ISA": "AVX2"])
    #expect(errors.contains("this CPU lacks what int8 needs"))
    #expect(fallen.detections.map(\.label) == embedded.map(\.label))
    for (found, wanted) in zip(fallen.detections, embedded) {
      #expect(abs(found.score - wanted.score) < 1e-3)
    }
    let (_, chosen) = try await detect(
      ["--model", model, "--precision", "auto"], ["DNNL_MAX_CPU_ISA": "AVX2"])
    #expect(chosen.contains("computing in fp32, by --precision auto"))
    let (_, lacking) = try await detect(
      ["--precision", "bf16"], ["DNNL_MAX_CPU_ISA": "AVX512_CORE"])
    #expect(lacking.contains("this CPU lacks what bf16 needs"))
  }

  @Test func int8OfAModelThatIsNotCalibratedSaysHow() async throws {
    let result = try await Program.run(
      ["detect", Program.example.path, "--precision", "int8"])
    #expect(result.status == 64)
    #expect(result.errors.contains("frcnn calibrate --model FILE --images FOLDER"))
    let unknown = try await Program.run(["detect", Program.example.path, "--precision", "fp8"])
    #expect(unknown.status == 64)
    #expect(unknown.errors.contains("fp32, bf16, int8 or auto"))
  }

  @Test func whatCannotBeMeasuredIsNamed() async throws {
    let folder = try TemporaryFolder()
    let output = folder.path("out.safetensors")
    let empty = try await Program.run(["calibrate", "--images", folder.url.path, "-o", output])
    #expect(empty.status == 65)
    #expect(empty.errors.contains("there is no JPEG"))
    let missing = try await Program.run(
      ["calibrate", "--images", folder.path("none"), "-o", output])
    #expect(missing.status == 66)
    try Data("no picture".utf8).write(to: URL(filePath: folder.path("a.jpg")))
    let broken = try await Program.run(["calibrate", "--images", folder.url.path, "-o", output])
    #expect(broken.status == 65)
    #expect(broken.errors.contains("a.jpg"))
    #expect(!FileManager.default.fileExists(atPath: output))
  }
}
