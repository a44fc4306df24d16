import ArgumentParser
import Fetching
import HTTPServer
import Service

/// Who may use `frcnn serve`.
struct AccessOptions: ParsableArguments {
  @Option(help: AccessSettings.apiKeyFile.help)
  var apiKeyFile: String?

  @Flag(help: AccessSettings.metricsWithoutKey.help)
  var metricsWithoutKey = false

  @Option(help: AccessSettings.corsOrigin.help)
  var corsOrigin: [String] = []

  @Option(help: AccessSettings.compatibleWith.help)
  var compatibleWith: String?

  @Option(help: AccessSettings.fetchFrom.help)
  var fetchFrom: String?

  @Option(help: AccessSettings.fetchFromPrivate.help)
  var fetchFromPrivate: String?

  @Option(help: AccessSettings.fetchTimeout.help)
  var fetchTimeout: String?

  /// What fetches pictures by URL; `nil` where no host is named.
  func fetcher() throws(Failure) -> Fetcher? {
    let policy = FetchPolicy(
      sources: try AccessSettings.fetchFrom.value(flag: fetchFrom),
      privateSources: try AccessSettings.fetchFromPrivate.value(flag: fetchFromPrivate),
      timeout: try AccessSettings.fetchTimeout.value(flag: fetchTimeout))
    guard !policy.sources.isEmpty || !policy.privateSources.isEmpty else { return nil }
    do throws(TLSError) {
      return try Fetcher(policy)
    } catch {
      throw Failure(HTTPServerError.tls(error))
    }
  }

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

  /// Which other servers' words are understood: those that are named, and those of the platform that the
  /// process finds itself on.
  func compatibility() throws(Failure) -> Compatibility {
    var choice = Compatibility(
      servers: try AccessSettings.compatibleWith.value(flag: compatibleWith))
    if let route = Self.route("AIP_PREDICT_ROUTE") {
      choice.servers.insert(.vertexAI)
      choice.vertexPredictRoute = route
    }
    if let route = Self.route("AIP_HEALTH_ROUTE") { choice.vertexHealthRoute = route }
    return choice
  }

  /// Where Vertex AI wants to find the server, whose container nothing else can reach.
  static var platformAddress: (host: String, port: String)? {
    EnvironmentVariables.value("AIP_HTTP_PORT").map { ("0.0.0.0", $0) }
  }

  private static func route(_ variable: String) -> String? {
    EnvironmentVariables.value(variable).flatMap { $0.hasPrefix("/") ? $0 : nil }
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

  static let compatibleWith = Setting<Set<CompatibleServer>>(
    name: "compatible-with",
    purpose: """
      Other servers in whose words clients may ask as well: \
      \(CompatibleServer.allCases.map(\.rawValue).joined(separator: ", ")); several divided by commas.
      """,
    standard: [], standardText: "none",
    form: SettingForm(
      valueName: "names",
      expectation: CompatibleServer.allCases.map(\.rawValue).joined(separator: ", ")
        + ", divided by commas"
    ) { text in
      let servers = text.split(separator: ",").map { CompatibleServer(rawValue: String($0)) }
      return servers.allSatisfy { $0 != nil } ? Set(servers.compactMap(\.self)) : nil
    })

  static let fetchFrom = Setting(
    name: "fetch-from",
    purpose: """
      Hosts from which pictures are fetched by URL, as images.example.org or images.example.org:8443; \
      several divided by commas.
      """,
    standard: [], standardText: "none: no picture is fetched", form: sources)

  static let fetchFromPrivate = Setting(
    name: "fetch-from-private",
    purpose: """
      The same for hosts whose addresses may be of a private network or of this machine; whoever may ask \
      the server can have them asked.
      """,
    standard: [], standardText: "none", form: sources)

  static let fetchTimeout = Setting(
    name: "fetch-timeout",
    purpose: "How long fetching one picture may take, from looking up its host to its last byte.",
    standard: .seconds(10), standardText: "10s",
    form: SettingForm.duration(.milliseconds(1)...(.seconds(3600))))

  private static let sources = SettingForm<Set<FetchSource>>(
    valueName: "hosts",
    expectation: "names or addresses, each perhaps with :PORT, divided by commas"
  ) { text in
    let sources = text.split(separator: ",", omittingEmptySubsequences: false)
      .map { FetchSource(String($0)) }
    return sources.allSatisfy { $0 != nil } ? Set(sources.compactMap(\.self)) : nil
  }

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
