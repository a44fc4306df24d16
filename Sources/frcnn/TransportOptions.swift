import ArgumentParser
import Compute
import Glibc
import HTTP1
import HTTPServer
import Service

/// How `frcnn serve` is reached, and how much it lets clients take before a request is read.
struct TransportOptions: ParsableArguments {
  @Option(name: .customLong("tls-cert"), help: TransportSettings.certificate.help)
  var certificate: String?

  @Option(name: .customLong("tls-key"), help: TransportSettings.privateKey.help)
  var privateKey: String?

  @Option(name: .customLong("tls-client-ca"), help: TransportSettings.clientAuthorities.help)
  var clientAuthorities: String?

  @Option(
    name: .customLong("tls-handshake-timeout"), help: TransportSettings.handshakeTimeout.help)
  var handshakeTimeout: String?

  @Option(help: TransportSettings.healthPort.help)
  var healthPort: String?

  @Option(help: TransportSettings.eventLoops.help)
  var eventLoops: String?

  @Option(name: .customLong("max-connections"), help: TransportSettings.maximumConnections.help)
  var maximumConnections: String?

  @Option(
    name: .customLong("max-connections-per-address"),
    help: TransportSettings.maximumConnectionsPerAddress.help)
  var maximumConnectionsPerAddress: String?

  @Option(help: TransportSettings.trustedProxies.help)
  var trustedProxies: String?

  @Option(help: TransportSettings.forwardedField.help)
  var forwardedField: String?

  @Option(name: .customLong("max-body-memory"), help: TransportSettings.maximumBodyMemory.help)
  var maximumBodyMemory: String?

  @Option(name: .customLong("max-target"), help: TransportSettings.maximumTarget.help)
  var maximumTarget: String?

  @Option(name: .customLong("max-fields"), help: TransportSettings.maximumFields.help)
  var maximumFields: String?

  @Option(name: .customLong("max-parts"), help: TransportSettings.maximumParts.help)
  var maximumParts: String?

  /// Descriptors that are kept for the model, logs, probes and the program's own: 256.
  private static let reservedDescriptors = 256

  /// Writes the choices into a configuration whose addresses are set.
  func apply(to configuration: inout HTTPServerConfiguration) throws(Failure) {
    configuration.tls = try tls()
    let loopCount = try TransportSettings.eventLoops.value(flag: eventLoops)
    configuration.loopCount = loopCount == 0 ? min(ProcessorCount.available, 4) : loopCount
    configuration.handshakeTimeout = try TransportSettings.handshakeTimeout.value(
      flag: handshakeTimeout)
    if let port = try TransportSettings.healthPort.value(flag: healthPort) {
      configuration.healthAddresses = configuration.addresses.map {
        SocketAddress(host: $0.host, port: port)
      }
    }
    configuration.maximumConnections = min(
      try TransportSettings.maximumConnections.value(flag: maximumConnections),
      max(Self.raiseDescriptorLimit() - Self.reservedDescriptors, 1))
    configuration.maximumConnectionsPerAddress =
      try TransportSettings.maximumConnectionsPerAddress.value(flag: maximumConnectionsPerAddress)
    configuration.trustedProxies = try TransportSettings.trustedProxies.value(flag: trustedProxies)
    configuration.forwardedField = try TransportSettings.forwardedField.value(flag: forwardedField)
    configuration.maximumBodyMemory = try TransportSettings.maximumBodyMemory.value(
      flag: maximumBodyMemory)
    configuration.limits.targetLength = try TransportSettings.maximumTarget.value(
      flag: maximumTarget)
    configuration.limits.fieldCount = try TransportSettings.maximumFields.value(
      flag: maximumFields)
  }

  /// How a form may be cut up.
  func multipartLimits() throws(Failure) -> MultipartLimits {
    MultipartLimits(maximumParts: try TransportSettings.maximumParts.value(flag: maximumParts))
  }

  private func tls() throws(Failure) -> TLSConfiguration? {
    let chain = try TransportSettings.certificate.value(flag: certificate)
    let key = try TransportSettings.privateKey.value(flag: privateKey)
    let authorities = try TransportSettings.clientAuthorities.value(flag: clientAuthorities)
    guard let chain, let key else {
      guard chain == nil, key == nil, authorities == nil else {
        throw Failure(.usage, "TLS needs both --tls-cert and --tls-key")
      }
      return nil
    }
    return TLSConfiguration(
      certificateChain: chain, privateKey: key, clientAuthorities: authorities)
  }

  /// Lets the process have as many descriptors as it may.
  ///
  /// - Returns: how many those are.
  private static func raiseDescriptorLimit() -> Int {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      return 1024
    }
    limit.rlim_cur = limit.rlim_max
    guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      return Int(clamping: limit.rlim_cur)
    }
    return Int(clamping: limit.rlim_cur)
  }
}
