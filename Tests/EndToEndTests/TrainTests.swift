import Foundation
import Testing

@Suite struct TrainTests {
  /// A small set, laid out as PASCAL VOC without lists: a bright and a dark square on each picture.
  private func dataset(pictures: Int = 6, side: Int = 96) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in ["Annotations", "JPEGImages"] {
      try FileManager.default.createDirectory(
        at: folder.url.appending(path: name), withIntermediateDirectories: true)
    }
    for number in 0..<pictures {
      var canvas = [UInt8](repeating: 120, count: 3 * side * side)
      var objects = ""
      for (label, level, left, top) in [
        ("bright", UInt8(250), 6 + 5 * number % 40, 8 + 3 * number),
        ("dark", UInt8(10), 50 + 2 * number % 16, 54 - 3 * number),
      ] {
        for y in top..<top + 32 {
          for x in left..<left + 28 {
            for channel in 0..<3 { canvas[3 * (y * side + x) + channel] = level }
          }
        }
        objects +=
          "<object><name>\(label)</name><bndbox><xmin>\(left)</xmin><ymin>\(top)</ymin>"
          + "<xmax>\(left + 28)</xmax><ymax>\(top + 32)</ymax></bndbox></object>"
      }
      try Self.bitmap(canvas, side: side)
        .write(to: folder.url.appending(path: "JPEGImages/p\(number).bmp"))
      try Data("<annotation>\(objects)</annotation>".utf8)
        .write(to: folder.url.appending(path: "Annotations/p\(number).xml"))
    }
    return folder
  }

  /// A BMP file of 24 bits a pixel, rows from the bottom up, each a multiple of four bytes.
  private static func bitmap(_ rgb: [UInt8], side: Int) -> Data {
    precondition(3 * side % 4 == 0, "rows of \(3 * side) bytes")
    func little(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(value >> (8 * $0) & 0xFF) }
    }
    var bytes = Array("BM".utf8) + little(54 + rgb.count, 4) + little(0, 4) + little(54, 4)
    bytes += little(40, 4) + little(side, 4) + little(side, 4) + little(1, 2) + little(24, 2)
    bytes += little(0, 4) + little(rgb.count, 4) + [UInt8](repeating: 0, count: 16)
    for y in (0..<side).reversed() {
      for x in 0..<side {
        let pixel = 3 * (y * side + x)
        bytes += [rgb[pixel + 2], rgb[pixel + 1], rgb[pixel]]
      }
    }
    return Data(bytes)
  }

  /// The options of a training that takes seconds.
  private func arguments(_ set: TemporaryFolder, _ output: String, steps: Int = 20) -> [String] {
    [
      "train", set.url.path, "-o", output, "--architecture", "narrow-vgg", "--min-size", "64",
      "--max-size", "96", "--anchors", "1,2,4", "--iterations", "\(steps)", "--threads", "1",
      "--seed", "3", "--batch", "1", "--checkpoint-every", "0", "--validation-share", "0",
    ]
  }

  private func lines(_ path: String) -> [[String: Any]] {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
    return text.split(separator: "\n").compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
  }

  /// Waits until a log tells that a step was saved.
  private func waitForSave(after step: Int, log: String) async throws {
    try await until {
      let saved = lines(log).last { $0["event"] as? String == "checkpoint" }
      return (saved?["iteration"] as? Int).map { $0 >= step } ?? false
    }
  }

  /// Kills a training in its second half; one that was over before the machine got to that is tried again.
  private func killed(
    _ options: (TemporaryFolder) -> [String]
  ) async throws -> TemporaryFolder {
    for _ in 0..<20 {
      let folder = try TemporaryFolder()
      let process = Program.process(options(folder), environment: [:])
      process.standardError = FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      try process.run()
      try await waitForSave(after: 10, log: folder.path("log.jsonl"))
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      if process.terminationReason == .uncaughtSignal { return folder }
    }
    throw Connection.Fault("each training was over before it could be killed")
  }

  @Test func killedAndResumedItComesToTheSameBytes() async throws {
    let set = try dataset()
    let one = try TemporaryFolder()
    let whole = try await Program.run(arguments(set, one.path("model.safetensors")))
    #expect(whole.status == 0, "\(whole.errors)")
    func options(_ folder: TemporaryFolder) -> [String] {
      arguments(set, folder.path("model.safetensors")) + ["--log", folder.path("log.jsonl")]
    }
    let other = try await killed(options)
    #expect(!FileManager.default.fileExists(atPath: other.path("model.safetensors")))
    let again = try await Program.run(options(other))
    #expect(again.status == 64 && again.errors.contains("--resume"), "\(again.errors)")
    let resumed = try await Program.run(options(other) + ["--resume"])
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(resumed.errors.contains("going on after step 1"))
    let (first, second) = (
      try Data(contentsOf: one.url.appending(path: "model.safetensors")),
      try Data(contentsOf: other.url.appending(path: "model.safetensors"))
    )
    #expect(first == second)
    // What was saved on the way is gone, and the model is a model.
    #expect(!FileManager.default.fileExists(atPath: other.path("model.training")))
    let detected = try await Program.run([
      "detect", set.path("JPEGImages/p0.bmp"), "--model", other.path("model.safetensors"), "--json",
    ])
    #expect(detected.status == 0, "\(detected.errors)")
    let inspected = try await Program.run(["inspect", other.path("model.safetensors")])
    #expect(inspected.text.contains("bright") && inspected.text.contains("dark"))
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func aSignalSavesAndSaysHowToGoOn(signal: Int32) async throws {
    let set = try dataset()
    let folder = try TemporaryFolder()
    let log = folder.path("log.jsonl")
    let options =
      arguments(set, folder.path("m.safetensors"), steps: 100_000) + [
        "--log", log, "--metrics-port", "0",
      ]
    let process = Program.process(options, environment: [:])
    let errors = folder.url.appending(path: "errors")
    try Data().write(to: errors)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    try await waitForSave(after: 2, log: log)
    let address = try #require(
      try String(contentsOf: errors, encoding: .utf8).firstMatch(
        of: /metrics on http:\/\/127.0.0.1:(\d+)\/metrics/))
    let port = try #require(UInt16(address.1))
    let metrics = try await onThread {
      let connection = try Connection(port: port)
      try connection.send(Connection.request("GET", "/metrics"))
      return try connection.receive()
    }
    #expect(metrics.status == 200)
    for expected in [
      "frcnn_training_iterations 100000", "frcnn_training_loss{part=\"total\"}",
      "frcnn_training_learning_rate", "process_resident_memory_bytes",
    ] { #expect(metrics.text.contains(expected), "\(expected)") }
    kill(process.processIdentifier, signal)
    try await until { !process.isRunning }
    let text = try String(contentsOf: errors, encoding: .utf8)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 1)
    #expect(text.contains("stopped after step"), "\(text)")
    #expect(text.contains("--iterations 100000") && text.contains("--resume"))
    let events = lines(log)
    #expect(events.last?["event"] as? String == "end")
    #expect(events.last?["ending"] as? String == "stopped")
    // The last step that was done is the one that is saved.
    let steps = events.filter { $0["event"] as? String == "step" }
    let saved = events.last { $0["event"] as? String == "checkpoint" }
    #expect(saved?["iteration"] as? Int == steps.last?["iteration"] as? Int)
    // Another seed is another training.
    let other = try await Program.run(options + ["--resume", "--rate", "0.5"])
    #expect(other.status == 64 && other.errors.contains("rate was"), "\(other.errors)")
  }

  @Test func aSecondSignalEndsAtOnce() async throws {
    let set = try dataset()
    let folder = try TemporaryFolder()
    let log = folder.path("log.jsonl")
    let process = Program.process(
      arguments(set, folder.path("m.safetensors"), steps: 100_000) + ["--log", log],
      environment: [:])
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    try await waitForSave(after: 1, log: log)
    // Both are there before it runs again: it cannot end of the first one before it sees the second.
    for signal in [SIGSTOP, SIGINT, SIGTERM, SIGCONT] { kill(process.processIdentifier, signal) }
    try await until { !process.isRunning }
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 128 + SIGTERM)
    #expect(!FileManager.default.fileExists(atPath: folder.path("m.safetensors")))
    let resumed = try await Program.run(
      arguments(set, folder.path("m.safetensors"), steps: 100_000) + [
        "--resume", "--rate", "0.5",
      ])
    #expect(resumed.status == 64 && resumed.errors.contains("rate was"), "\(resumed.errors)")
  }

  @Test func aFullDiskIsToldAndTheTrainingGoesOn() async throws {
    let set = try dataset()
    let folder = try TemporaryFolder()
    let output = folder.path("m.safetensors")
    // No file may become larger than a megabyte, as on a disk with so much left.
    let process = Program.process([], environment: [:])
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments =
      ["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\"", Program.url.path]
      + arguments(set, output, steps: 3)
    let errors = folder.url.appending(path: "errors")
    try Data().write(to: errors)
    process.standardError = try FileHandle(forWritingTo: errors)
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    try await until { !process.isRunning }
    process.waitUntilExit()
    let text = try String(contentsOf: errors, encoding: .utf8)
    #expect(process.terminationReason == .exit && process.terminationStatus == 73, "\(text)")
    #expect(text.contains("step 3 of 3"), "\(text)")
    #expect(text.components(separatedBy: "File too large").count > 3, "\(text)")
    #expect(!text.contains("To go on"), "\(text)")
    // Nothing that is half there is left behind.
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
    #expect(left.filter { $0 != "errors" && $0 != "m.training" } == [])
  }

  @Test(arguments: ["note-000", "note-001", "note-004", "torchvision"])
  func presetsSayWhatTheyDo(_ preset: String) async throws {
    let set = try dataset(pictures: 3)
    let folder = try TemporaryFolder()
    let report = folder.path("report.html")
    // From the embedded model, a VGG whose normalisation is a part of its weights.
    let result = try await Program.run([
      "train", set.url.path, "-o", folder.path("m.safetensors"), "--preset", preset,
      "--iterations", "1", "--threads", "1", "--validation-share", "0", "--report", report,
    ])
    #expect(result.status == 0, "\(result.errors)")
    let page = try String(contentsOfFile: report, encoding: .utf8)
    let frozen =
      "backbone.features.0, backbone.features.2, backbone.features.5, backbone.features.7"
    #expect(page.contains(frozen) == (preset != "note-004"))
    #expect(page.contains(preset == "torchvision" ? "0.0025" : "0.001"))
    #expect(page.contains("biases without") == preset.hasPrefix("note"))
  }

  /// A safetensors file of zeros that takes no room on the disk.
  private func classifier(_ shapes: [(String, [Int])], at path: String) throws {
    var offset = 0
    let entries = shapes.map { name, shape in
      let size = 4 * shape.reduce(1, *)
      defer { offset += size }
      return "\"\(name)\":{\"dtype\":\"F32\",\"shape\":\(shape),"
        + "\"data_offsets\":[\(offset),\(offset + size)]}"
    }
    let header = Data("{\(entries.joined(separator: ","))}".utf8)
    let size = Data((0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) })
    try (size + header).write(to: URL(filePath: path))
    let file = try FileHandle(forWritingTo: URL(filePath: path))
    try file.truncate(atOffset: UInt64(8 + header.count + offset))
    try file.close()
  }

  /// torchvision's ResNet-18.
  private var resNet18: [(String, [Int])] {
    func norm(_ name: String, _ width: Int) -> [(String, [Int])] {
      ["weight", "bias", "running_mean", "running_var"].map { ("\(name).\($0)", [width]) }
    }
    var shapes = [("conv1.weight", [64, 3, 7, 7])] + norm("bn1", 64)
    for stage in 0..<4 {
      let width = 64 << stage
      for block in 0..<2 {
        let name = "layer\(stage + 1).\(block)"
        let inputs = block == 0 && stage > 0 ? width / 2 : width
        shapes += [("\(name).conv1.weight", [width, inputs, 3, 3])] + norm("\(name).bn1", width)
        shapes += [("\(name).conv2.weight", [width, width, 3, 3])] + norm("\(name).bn2", width)
        guard inputs != width else { continue }
        shapes += [("\(name).downsample.0.weight", [width, inputs, 1, 1])]
        shapes += norm("\(name).downsample.1", width)
      }
    }
    return shapes + [("fc.weight", [1000, 512]), ("fc.bias", [1000])]
  }

  @Test func aClassifierOfImageNetIsABeginning() async throws {
    let set = try dataset(pictures: 2)
    let folder = try TemporaryFolder()
    let start = folder.path("resnet18.safetensors")
    try classifier(resNet18, at: start)
    let result = try await Program.run(
      [
        "train", set.url.path, "-o", folder.path("m.safetensors"), "--from", start, "--min-size",
        "64", "--max-size", "96", "--iterations", "1", "--batch", "1", "--threads", "1",
        "--validation-share", "0", "--report", folder.path("report.html"),
      ], limit: .seconds(600))
    #expect(result.status == 0, "\(result.errors)")
    for expected in [
      "the classifier's conv1.weight", "the classifier's layer4.1.bn2.running_var",
      "the classifier's layer2.0.downsample.0.weight",
    ] { #expect(result.errors.contains(expected), "\(expected) in \(result.errors)") }
    #expect(!result.errors.contains("the classifier's fc"))
    let page = try String(contentsOfFile: folder.path("report.html"), encoding: .utf8)
    #expect(page.contains("backbone.stem, backbone.layer1"))
    // What it is not the beginning of.
    let vgg = folder.path("vgg16.safetensors")
    try classifier(
      [("features.0.weight", [64, 3, 3, 3]), ("features.28.weight", [512, 512, 3, 3])], at: vgg)
    for (options, status, words) in [
      (["--from", start, "--architecture", "vgg16"], 64, "features for resnet18-fpn"),
      (["--from", vgg, "--architecture", "resnet50-fpn"], 64, "features for vgg16"),
    ] {
      let refused = try await Program.run(
        ["train", set.url.path, "-o", folder.path("n.safetensors")] + options)
      #expect(refused.status == Int32(status), "\(refused.errors)")
      #expect(refused.errors.contains(words), "\(refused.errors)")
    }
  }

  @Test func whatIsSeenIsWrittenDown() async throws {
    let set = try dataset(pictures: 8)
    try Data("no picture".utf8).write(to: set.url.appending(path: "JPEGImages/p7.bmp"))
    let folder = try TemporaryFolder()
    var options = arguments(set, folder.path("m.safetensors"), steps: 8)
    options.removeLast(2)
    let result = try await Program.run(
      options + [
        "--validation-share", "0.3", "--log", folder.path("log.jsonl"), "--report",
        folder.path("report.html"), "--show-samples", folder.path("samples"), "--metrics-port", "0",
        "--validate-every", "1", "--keep", "1",
      ])
    #expect(result.status == 0, "\(result.errors)")
    for expected in [
      "p7.bmp", "left out", "bright", "metrics on http://127.0.0.1:", "step 8 of 8", "mAP", "new",
    ] { #expect(result.errors.contains(expected), "\(expected) in \(result.errors)") }
    #expect(result.text.contains("frcnn serve --model"))
    let events = lines(folder.path("log.jsonl"))
    let steps = events.filter { $0["event"] as? String == "step" }
    #expect(steps.compactMap { $0["iteration"] as? Int } == Array(1...8))
    for key in ["loss", "rate", "rpn_class_loss", "roi_box_loss", "gradient_norm", "forward_ms"] {
      #expect(steps.allSatisfy { $0[key] is Double || $0[key] is Int }, "\(key)")
    }
    #expect(events.contains { $0["event"] as? String == "validation" })
    #expect(events.last?["ending"] as? String == "finished")
    let report = try String(contentsOfFile: folder.path("report.html"), encoding: .utf8)
    for expected in [
      "Losses", "Average precision", "What is taken for what", "What the network sees", "p7.bmp",
      "Settings", "Finished after step 8 of 8",
    ] { #expect(report.contains(expected), "\(expected)") }
    let samples = try FileManager.default.contentsOfDirectory(atPath: folder.path("samples"))
    #expect(samples.count == 24 && samples.allSatisfy { $0.hasSuffix(".jpg") })
    // What decides the result is read from variables too.
    let variables = try await Program.run(
      ["train", set.url.path, "-o", folder.path("v.safetensors")],
      environment: ["FRCNN_ARCHITECTURE": "narrow-vgg", "FRCNN_RATE": "fast"])
    #expect(variables.status == 78 && variables.errors.contains("FRCNN_RATE"))
  }

  @Test func aDivergingTrainingNamesThePicture() async throws {
    let set = try dataset()
    let folder = try TemporaryFolder()
    let result = try await Program.run(
      arguments(set, folder.path("m.safetensors")) + [
        "--rate", "10", "--clip", "0", "--warm-up", "0", "--schedule", "constant",
      ])
    #expect(result.status == 1, "\(result.errors)")
    #expect(result.errors.contains("diverged") && result.errors.contains(".bmp"))
    #expect(result.errors.contains("is saved in"))
    #expect(FileManager.default.fileExists(atPath: folder.path("m.last-good.safetensors")))
    #expect(!FileManager.default.fileExists(atPath: folder.path("m.safetensors")))
  }

  @Test func wrongStartsAreRefusedBeforeTheFirstStep() async throws {
    let set = try dataset(pictures: 2)
    let folder = try TemporaryFolder()
    let output = folder.path("m.safetensors")
    for (options, status, words) in [
      (["--architecture", "alexnet"], 64, "narrow-vgg, vgg16"),
      (["--from", folder.path("none.pth")], 66, "none.pth"),
      (["--architecture", "vgg16", "--from", "embedded"], 64, "leave one"),
      (["--epochs", "2", "--iterations", "3"], 64, "give one"),
      (["--schedule", "steps:9,3"], 64, "steps:9"),
      (["--preset", "note-007"], 64, "note-001"),
      (["--split", "train"], 65, "no part"),
      (["--min-size", "64"], 64, "--architecture"),
      (["--freeze", "backbone.feature.0"], 65, "no layer is called"),
    ] {
      let result = try await Program.run(["train", set.url.path, "-o", output] + options)
      #expect(result.status == Int32(status), "\(options): \(result.errors)")
      #expect(result.errors.contains(words), "\(options): \(result.errors)")
    }
    let nowhere = try await Program.run(
      ["train", set.url.path, "-o", folder.path("no/m.safetensors")])
    #expect(nowhere.status == 73, "\(nowhere.errors)")
    for number in 0..<2 {
      try Data("<annotation></annotation>".utf8)
        .write(to: set.url.appending(path: "Annotations/p\(number).xml"))
    }
    let empty = try await Program.run(["train", set.url.path, "-o", output])
    #expect(empty.status == 65 && empty.errors.contains("mark no object"), "\(empty.errors)")
    let missing = try await Program.run(["train", set.path("none"), "-o", output])
    #expect(missing.status == 66)
  }

  @Test func theDocumentListsEveryOption() async throws {
    let help = try await Program.run(["train", "--help"]).text
    let text = help.replacing("\n  --", with: "\n§").replacing(/\s+/, with: " ")
    let options = text.matches(
      of: /§([a-z-]+)(?: <[^>]+>)? [^\[\]§]*\[(FRCNN_[A-Z_]+); ([^\]]+)\]/)
    #expect(options.count >= 35)
    let document = try String(
      contentsOf: Program.repository.appending(path: "docs/training.md"), encoding: .utf8)
    for option in options {
      let row = "| `--\(option.1)` | `\(option.2)` | \(option.3) |"
      #expect(document.contains(row), "\(row)")
    }
  }
}
