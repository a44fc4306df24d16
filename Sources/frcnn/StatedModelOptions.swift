import ArgumentParser
import FasterRCNN

/// What is said of a model over its file's own word; the same for every command that opens one.
struct StatedModelOptions: ParsableArguments {
  @Option(help: ModelSettings.labels.help)
  var labels: String?

  @Option(help: ModelSettings.profile.help)
  var profile: String?

  @Option(help: ModelSettings.normalisationEpsilon.help)
  var batchNormEpsilon: String?

  /// Reads the flags and their variables, and the file of labels.
  func options() throws(Failure) -> Model.Options {
    Model.Options(
      profile: try ModelSettings.profile.value(flag: profile),
      labels: try labelsFile().map(Self.labels),
      normalisationEpsilon: try ModelSettings.normalisationEpsilon.value(flag: batchNormEpsilon))
  }

  /// The file of labels; `nil` where none is named.
  func labelsFile() throws(Failure) -> String? { try ModelSettings.labels.value(flag: labels) }

  /// Whether anything is said.
  func saysAnything() throws(Failure) -> Bool {
    let profile = try ModelSettings.profile.value(flag: profile)
    let epsilon = try ModelSettings.normalisationEpsilon.value(flag: batchNormEpsilon)
    return try labelsFile() != nil || profile != nil || epsilon != nil
  }

  static func labels(_ path: String) throws(Failure) -> [String] {
    let bytes = try FileContents.read(path, limit: 1 << 20)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(.brokenInput, "\(path) is not UTF-8 text")
    }
    // Editors put a byte order mark before a text, and spaces behind its lines.
    let lines = text.drop { $0 == "\u{FEFF}" }.split(whereSeparator: \.isNewline)
    let labels = lines.map { line in
      let start = line.drop { $0.isWhitespace }
      return String(start.dropLast(start.reversed().prefix { $0.isWhitespace }.count))
    }.filter { !$0.isEmpty }
    guard !labels.isEmpty else {
      throw Failure(.brokenInput, "\(path) names no class; write one a line")
    }
    var known: Set<String> = []
    if let twice = labels.first(where: { !known.insert($0).inserted }) {
      throw Failure(.brokenInput, "\(path) names the class '\(twice)' twice")
    }
    return labels
  }
}
