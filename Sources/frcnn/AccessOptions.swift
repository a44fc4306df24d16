import ArgumentParser
import Service

/// Who may use `frcnn serve`.
struct AccessOptions: ParsableArguments {
  @Option(help: AccessSettings.apiKeyFile.help)
  var apiKeyFile: String?

  @Flag(help: AccessSettings.metricsWithoutKey.help)
  var metricsWithoutKey = false

  @Option(help: AccessSettings.corsOrigin.help)
  var corsOrigin: [String] = []

  /// Reads the file of keys; `nil` where none are asked for.
  func keys() throws(Failure) -> APIKeys? {
    guard let path = try AccessSettings.apiKeyFile.value(flag: apiKeyFile) else { return nil }
    let bytes = try FileContents.read(path, limit: 1 << 20)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(.brokenInput, "\(path) is not UTF-8 text")
    }
    do {
      return try APIKeys(parsing: text)
    } catch {
      throw Failure(.brokenInput, "\(path): \(error)")
    }
  }

  /// Adds what was chosen to a service's settings.
  func complete(_ settings: inout ServiceSettings) throws(Failure) {
    settings.opensMetrics = try AccessSettings.metricsWithoutKey.value(isSet: metricsWithoutKey)
    let origins = try AccessSettings.corsOrigin.value(
      flag: corsOrigin.isEmpty ? nil : corsOrigin.joined(separator: ","))
    settings.crossOrigin = CrossOriginPolicy(origins: origins)
  }
}

/// The choices about access that flags and environment variables offer.
enum AccessSettings {
  static let apiKeyFile = Setting(
    name: "api-key-file",
    purpose:
      "A file of keys, one a line, one of which a client has to send; SIGHUP reads it again.",
    standard: nil, standardText: "none: whoever can connect is let in", form: .path)

  static let metricsWithoutKey = Setting(
    name: "metrics-without-key",
    purpose: "Answer /metrics without a key as well.",
    standard: false, standardText: "off: figures tell of others' use", form: .truth)

  static let corsOrigin = Setting(
    name: "cors-origin",
    purpose: """
      An origin whose pages may use the server from a browser, as https://example.org; may be given \
      several times, or as a list with commas.
      """,
    standard: [], standardText: "none: only pages of the server itself",
    form: SettingForm<[String]>(
      valueName: "origin",
      expectation: "scheme://host or scheme://host:port in small letters, without a path, and no *"
    ) { text in
      let origins = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      return origins.allSatisfy(CrossOriginPolicy.isOrigin) ? origins : nil
    })
}
