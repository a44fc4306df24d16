public import FasterRCNN
internal import Files
internal import Glibc
internal import JSON

/// What the rows of a file were made with: kept beside it, so that a run is not gone on with by another model or other
/// thresholds.
///
/// The file is a JSON object with a line for each member. What is the same in two runs makes the same bytes.
public struct RunRecord: Sendable, Equatable {
  /// Members by name, their values as JSON.
  private var members: [(name: String, value: String)] = []

  /// The longest record that is read.
  private static let maximumLength = 1 << 21

  /// Tells what decides about the rows.
  ///
  /// It waits for the model's digest.
  ///
  /// - Parameters:
  ///   - model: the model that answers.
  ///   - parameters: what it is asked.
  public init(_ model: Model, parameters: DetectionParameters) {
    let description = model.description
    add("model", description.name)
    add("version", description.version)
    add("sha256", description.sha256)
    add("profile", description.profile)
    members.append(("settings", model.settingsText))
    add("labels") { json in
      json.beginArray()
      for label in description.labels { json.string(label) }
      json.endArray()
    }
    add("score_threshold") { $0.number(parameters.scoreThreshold ?? description.scoreThreshold) }
    add("nms_threshold") { $0.number(parameters.nmsThreshold ?? description.nmsThreshold) }
    add("max_detections") { json in
      let count = parameters.maximumDetections ?? description.maximumDetections
      if let count { json.integer(count) } else { json.null() }
    }
    add("classes") { json in
      guard let classes = parameters.classes else { return json.null() }
      json.integers(classes.sorted())
    }
  }

  /// Tells something else that decides about the rows.
  public mutating func add(_ name: String, _ value: String) {
    add(name) { $0.string(value) }
  }

  private mutating func add(_ name: String, _ write: (inout JSONWriter) -> Void) {
    var json = JSONWriter()
    write(&json)
    members.append((name, String(decoding: json.bytes, as: UTF8.self)))
  }

  /// Whether two tell the same.
  public static func == (left: RunRecord, right: RunRecord) -> Bool { left.lines == right.lines }

  private var lines: [String] { members.map { "\"\($0.name)\": \($0.value)" } }

  /// The file's bytes.
  var bytes: [UInt8] { Array("{\n\(lines.joined(separator: ",\n"))\n}\n".utf8) }

  /// Where the record of a file of rows is.
  static func name(for rows: FileName) -> FileName {
    FileName(rows.bytes + Array(".run".utf8))
  }

  /// Puts the record beside rows that are to be written.
  func write(besides rows: FileName) throws(BatchError) {
    let name = Self.name(for: rows)
    do throws(FileError) {
      try AtomicFile.write(bytes, to: name)
    } catch {
      throw BatchError(.cannotCreate, "cannot write \(name): \(error)")
    }
  }

  /// Removes the record of rows that are no more.
  static func remove(besides rows: FileName) {
    _ = unsafe name(for: rows).withPath { unsafe unlink($0) }
  }

  /// Makes sure that rows which are there were made with the same.
  ///
  /// - Throws: `BatchError` that names what is different, or says that nothing tells.
  func check(besides rows: FileName) throws(BatchError) {
    let name = Self.name(for: rows)
    guard name.kind == .file else {
      throw BatchError(
        .missingInput,
        "\(name) is not there, which says what model and options the rows of \(rows) were made with: put "
          + "it back, or begin anew without \(rows)")
    }
    var source = try ByteSource(name)
    let text = String(decoding: try source.read(count: Self.maximumLength), as: UTF8.self)
    guard text != String(decoding: bytes, as: UTF8.self) else { return }
    let there = text.split(separator: "\n").dropFirst().dropLast().map {
      $0.hasSuffix(",") ? String($0.dropLast()) : String($0)
    }
    let advice = "give the same model and options as before, or another file for the rows"
    let pairs = zip(there, lines)
    guard let (before, now) = pairs.first(where: { $0 != $1 }) else {
      throw BatchError(
        .usage, "\(rows) was begun by a program that told more or less of a run: \(advice)")
    }
    let isShort = max(before.count, now.count) <= 200
    throw BatchError(
      .usage,
      "\(rows) was begun with "
        + (isShort ? "\(before), and this run has \(now)" : "other settings of the model")
        + ": \(advice)")
  }
}
