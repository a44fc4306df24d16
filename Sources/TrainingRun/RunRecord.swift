internal import JSON

/// What is saved of a training beside its weights: how far it came, and what it was begun with.
public struct RunRecord: Sendable, Equatable {
  /// The steps that are done.
  public var iteration: Int

  /// The steps in all, which the learning rate's course was laid out for.
  public var stepCount: Int

  /// The time that was spent, in seconds.
  public var seconds: Double

  /// What decides the result, by name: options, labels, pictures.
  public var settings: [String: String]

  /// Makes a record.
  public init(iteration: Int, stepCount: Int, seconds: Double, settings: [String: String]) {
    self.iteration = iteration
    self.stepCount = stepCount
    self.seconds = seconds
    self.settings = settings
  }

  /// The key of a file's metadata under which the record stands.
  static let metadataKey = "frcnn-training"

  private static let version = 1

  var json: String {
    var json = JSONWriter()
    json.object { json in
      json.member("version", Self.version)
      json.member("iteration", iteration)
      json.member("step_count", stepCount)
      json.member("milliseconds", Int(seconds * 1000))
      json.object("settings") { json in
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) { json.member(name, value) }
      }
    }
    return String(decoding: json.bytes, as: UTF8.self)
  }

  /// Reads a record; the error says what is wrong with it.
  init(json: String) throws(JSONError) {
    var reader = JSONReader(Array(json.utf8))
    var numbers: [String: Int] = [:]
    var settings: [String: String] = [:]
    try reader.object { (key, reader) throws(JSONError) in
      switch key {
      case "version", "iteration", "step_count", "milliseconds":
        numbers[key] = try reader.integer()
      case "settings":
        try reader.object { (name, reader) throws(JSONError) in settings[name] = try reader.text() }
      default: try reader.skip()
      }
    }
    try reader.finish()
    guard let version = numbers["version"], version == Self.version else {
      throw reader.failure("a saved training of a version that is not known")
    }
    guard let iteration = numbers["iteration"], let stepCount = numbers["step_count"],
      let milliseconds = numbers["milliseconds"], iteration >= 0, stepCount > 0, milliseconds >= 0
    else { throw reader.failure("a saved training without its numbers") }
    self.init(
      iteration: iteration, stepCount: stepCount, seconds: Double(milliseconds) / 1000,
      settings: settings)
  }

  /// What another training was begun with otherwise, in words.
  public func differences(from other: [String: String]) -> [String] {
    Set(settings.keys).union(other.keys).sorted().compactMap { name in
      let (saved, asked) = (settings[name] ?? "nothing", other[name] ?? "nothing")
      return saved == asked ? nil : "\(name) was \(saved) and is \(asked) now"
    }
  }
}
