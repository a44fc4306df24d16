import ArgumentParser
import Checkpoints
import Compute
import Families
import FasterRCNN
import JSON
import Observability
import Tensors

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Say what a checkpoint is and how it would be run.",
    discussion: """
      Where the file does not say which family it is of, that is told, with what was assumed and \
      why.

      Examples:
        frcnn inspect voc.pth                  format, family, classes, anchors
        frcnn inspect voc.pth --tensors        the tensors as well
        frcnn inspect voc.pth --profile bubbliiiing-vgg --json
        frcnn inspect                          the model in the program
        frcnn inspect voc.pth --plan 600x800   each layer's kernel and time, here

      Exit status: 0 it can be served; 64 a wrong option; 65 it is no model, or does not fit its \
      settings; 66 it cannot be read.
      """)

  @Argument(
    help: ArgumentHelp(
      "A checkpoint of safetensors, PyTorch, NumPy or Caffe. [FRCNN_MODEL, else the embedded model]",
      valueName: "file"))
  var file: String?

  @OptionGroup
  var stated: StatedModelOptions

  @Flag(help: "List the file's tensors: name, element type, shape.")
  var tensors = false

  @Flag(help: "List the profiles that are known, and whose code trains their models.")
  var profiles = false

  @Option(
    help: ArgumentHelp(
      "Run the model on a picture of so many rows and columns and list the layers: kernel, GFLOP, "
        + "milliseconds (the best of five), share of the machine's peak.", valueName: "HxW"))
  var plan: String?

  @OptionGroup
  var compute: ComputeOptions

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  func validate() throws {
    if let plan, PictureSize(rowsByColumns: plan) == nil {
      throw ValidationError("--plan is '\(plan)'; it takes \(PictureSize.expectedText)")
    }
  }

  func run() throws {
    try ending {
      if profiles { return Self.printProfiles() }
      if let plan, let size = PictureSize(rowsByColumns: plan) { return try printPlan(size) }
      let path = try ModelSettings.model.value(flag: file)
      let options = try stated.options()
      let inspection: ModelInspection
      do throws(ModelError) {
        inspection = try ModelInspection(path, options: options)
      } catch {
        throw ModelOptions.Choice.failure(error, path: path)
      }
      if json {
        print(String(decoding: document(inspection, path: path), as: UTF8.self))
      } else {
        printTable(inspection, path: path)
      }
    }
  }

  private func printTable(_ model: ModelInspection, path: String?) {
    let description = model.description
    var table = TextTable([
      ("file", .left), (path ?? "the model that is part of the program", .left),
    ])
    table.add(["format", "\(model.format), \(Self.megabytes(model.byteCount))"])
    table.add(["name", "\(description.name), version \(description.version)"])
    if let about = model.about { table.add(["description", about]) }
    table.add(["profile", "\(description.profile) (\(model.project))"])
    if let assumption = description.assumption { table.add(["ASSUMED", assumption]) }
    table.add(["architecture", model.architectureName])
    table.add(["parameters", Self.grouped(description.parameterCount)])
    for (index, count) in model.elementTypes.enumerated() {
      table.add([
        index == 0 ? "element types" : "",
        "\(count.elementType.rawValue): \(Self.grouped(count.elementCount)) in "
          + "\(count.tensorCount) tensors",
      ])
    }
    table.add(["memory", "\(Self.megabytes(model.float32ByteCount)) as float32"])
    table.add([
      "classes", "\(description.labels.count): \(description.labels.joined(separator: ", "))",
    ])
    for anchors in model.anchors {
      table.add([
        "anchors",
        "base \(Self.decimal(anchors.baseSize)), scales \(Self.list(anchors.scales)), "
          + "ratios \(Self.list(anchors.ratios)), every \(anchors.stride) pixels",
      ])
    }
    table.add(["RoIs", "\(model.pooledSize)x\(model.pooledSize) cells"])
    table.add(["resizing", model.resizing])
    table.add(["preprocessing", model.preprocessing])
    table.add([
      "thresholds",
      "score \(description.scoreThreshold), IoU \(description.nmsThreshold), "
        + "\(description.proposalCount) proposals",
    ])
    table.add(["SHA-256", description.sha256])
    for (index, remark) in model.remarks.enumerated() {
      table.add([index == 0 ? "notes" : "", remark])
    }
    print(table.text, terminator: "")
    var settings = TextTable([("setting", .left), ("value", .left), ("from", .left)])
    for entry in model.settings { settings.add([entry.name, entry.value, entry.origin]) }
    print("\n" + settings.text, terminator: "")
    if !model.unusedTensors.isEmpty {
      print("\nnot used: \(model.unusedTensors.joined(separator: ", "))")
    }
    guard tensors else { return }
    var list = TextTable([("tensor", .left), ("type", .left), ("shape", .left)])
    for tensor in model.tensors {
      list.add([tensor.name, tensor.elementType.rawValue, "\(tensor.shape)"])
    }
    print("\n" + list.text, terminator: "")
  }

  private static func printProfiles() {
    var table = TextTable([("profile", .left), ("project", .left), ("what", .left)])
    for family in Family.all { table.add([family.name, family.project, family.summary]) }
    print(table.text, terminator: "")
  }

  /// Measures the layers and prints a row for each.
  private func printPlan(_ size: PictureSize) throws(Failure) {
    let choice = ModelOptions.Choice(
      path: try ModelSettings.model.value(flag: file),
      options: try stated.options(), compute: try compute.choice())
    let detector = try choice.openDetector()
    let report: PlanReport
    do {
      report = try detector.planReport(for: size)
    } catch {
      throw Failure(.internalError, "\(error)")
    }
    /// The share of the peak that a row reaches, in percent.
    func share(_ row: PlanReport.Row) -> String {
      guard row.operationCount > 0, let peak = report.peakRates[row.precision] else { return "" }
      let rate = 1000 * Double(row.operationCount) / row.duration.milliseconds
      return "\((100 * rate / peak).fixed(0)) %"
    }
    if json {
      print(String(decoding: planDocument(report), as: UTF8.self))
      return
    }
    var table = TextTable([
      ("stage", .left), ("layer", .left), ("type", .left), ("kernel", .left), ("parts", .right),
      ("GFLOP", .right), ("ms", .right), ("of peak", .right),
    ])
    for row in report.rows {
      let isCounted = row.operationCount > 0
      table.add([
        row.stage.rawValue, row.name, isCounted ? row.precision.rawValue : "",
        row.kernels.joined(separator: " "), "\(row.partCount)",
        isCounted ? (Double(row.operationCount) / 1e9).fixed(2) : "",
        row.duration.milliseconds.fixed(2), share(row),
      ])
    }
    let operations = report.rows.reduce(0) { $0 + $1.operationCount }
    let time = report.rows.reduce(.zero) { $0 + $1.duration }
    table.add([
      "all", "", "", "", "", (Double(operations) / 1e9).fixed(2), time.milliseconds.fixed(2), "",
    ])
    print(table.text, terminator: "")
    print(
      "\(detector.model.name), \(plan ?? ""), \(choice.compute.threadCount) threads, "
        + "\(choice.compute.plan.convolution.rawValue) convolutions; peaks by a product of 2048 "
        + "cubed: "
        + report.peakRates.sorted { $0.key.rawValue < $1.key.rawValue }
        .map { "\($0.key.rawValue) \(($0.value / 1e9).fixed(0)) GFLOP/s" }.joined(separator: ", ")
        + "; Winograd's layers may exceed theirs, since they are counted as direct ones")
    print(
      "plans built in \(report.buildDuration.milliseconds.fixed(1)) ms; weights "
        + "\(Self.megabytes(report.weightByteCount)); activations and scratch "
        + "\(Self.megabytes(report.arenaByteCounts.values.reduce(0, +)))")
  }

  private func planDocument(_ report: PlanReport) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("peak_gflops")
    json.beginObject()
    for (precision, rate) in report.peakRates.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      json.member(precision.rawValue, Float(rate / 1e9))
    }
    json.endObject()
    json.member("build_ms", Float(report.buildDuration.milliseconds))
    json.member("weight_bytes", report.weightByteCount)
    json.member("arena_bytes", report.arenaByteCounts.values.reduce(0, +))
    json.key("layers")
    json.beginArray()
    for row in report.rows {
      json.beginObject()
      json.member("stage", row.stage.rawValue)
      json.member("layer", row.name)
      json.key("kernels")
      json.beginArray()
      for kernel in row.kernels { json.string(kernel) }
      json.endArray()
      json.member("precision", row.precision.rawValue)
      json.member("parts", row.partCount)
      json.member("gflop", Float(row.operationCount) / 1e9)
      json.member("ms", Float(row.duration.milliseconds))
      json.endObject()
    }
    json.endArray()
    json.endObject()
    return json.bytes
  }

  private func document(_ model: ModelInspection, path: String?) -> [UInt8] {
    let description = model.description
    var json = JSONWriter()
    func strings(_ members: [(String, String?)]) {
      for case (let key, let value?) in members {
        json.member(key, value)
      }
    }
    func integers(_ members: [(String, Int)]) {
      for (key, value) in members {
        json.member(key, value)
      }
    }
    func numbers(_ key: String, _ values: [Float]) {
      json.key(key)
      json.beginArray()
      for value in values { json.number(value) }
      json.endArray()
    }
    json.beginObject()
    strings([
      ("file", path), ("format", model.format.rawValue), ("name", description.name),
      ("version", description.version), ("sha256", description.sha256),
      ("description", model.about), ("profile", description.profile),
      ("assumed", description.assumption), ("architecture", model.architectureName),
    ])
    integers([
      ("bytes", model.byteCount), ("parameters", description.parameterCount),
      ("float32_bytes", model.float32ByteCount), ("class_count", description.labels.count),
      ("proposal_count", description.proposalCount), ("pooled_size", model.pooledSize),
    ])
    json.key("labels")
    json.beginArray()
    for label in description.labels { json.string(label) }
    json.endArray()
    json.key("anchors")
    // One object for the one map of most models, a list for a feature pyramid.
    if model.anchors.count != 1 { json.beginArray() }
    for anchors in model.anchors {
      json.beginObject()
      json.member("base_size", anchors.baseSize)
      numbers("scales", anchors.scales)
      numbers("ratios", anchors.ratios)
      integers([("stride", anchors.stride)])
      json.endObject()
    }
    if model.anchors.count != 1 { json.endArray() }
    strings([
      ("project", model.project), ("resizing", model.resizing),
      ("preprocessing", model.preprocessing),
    ])
    json.key("settings")
    json.beginArray()
    for entry in model.settings {
      json.beginObject()
      strings([("name", entry.name), ("value", entry.value), ("from", entry.origin)])
      json.endObject()
    }
    json.endArray()
    for (key, values) in [("unused_tensors", model.unusedTensors), ("notes", model.remarks)] {
      json.key(key)
      json.beginArray()
      for value in values { json.string(value) }
      json.endArray()
    }
    json.member("score_threshold", description.scoreThreshold)
    json.member("nms_threshold", description.nmsThreshold)
    json.key("element_types")
    json.beginArray()
    for count in model.elementTypes {
      json.beginObject()
      strings([("type", count.elementType.rawValue)])
      integers([("tensors", count.tensorCount), ("elements", count.elementCount)])
      json.endObject()
    }
    json.endArray()
    if tensors {
      json.key("tensors")
      json.beginArray()
      for tensor in model.tensors {
        json.beginObject()
        strings([("name", tensor.name), ("type", tensor.elementType.rawValue)])
        json.key("shape")
        json.beginArray()
        for dimension in tensor.shape.dimensions { json.integer(dimension) }
        json.endArray()
        json.endObject()
      }
      json.endArray()
    }
    json.endObject()
    return json.bytes
  }

  /// A size in units of a million bytes.
  private static func megabytes(_ count: Int) -> String {
    "\((Double(count) / 1e6).fixed(1)) MB"
  }

  /// A number with its digits in groups of three.
  private static func grouped(_ count: Int) -> String {
    var text = ""
    for (index, digit) in String(count).reversed().enumerated() {
      if index > 0, index.isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return String(text.reversed())
  }

  /// Whole numbers without a point.
  private static func decimal(_ value: Float) -> String {
    guard let whole = Int(exactly: value) else { return "\(value)" }
    return "\(whole)"
  }

  private static func list(_ values: [Float]) -> String {
    values.map(decimal).joined(separator: " ")
  }
}
