internal import HTTP1

extension ServerCore {
  /// How long a connection beyond its client's limit may take to send the head that is refused: 2 s.
  static let refusedHeadTime: UInt64 = 2_000_000_000

  /// What becomes of a new connection.
  enum ClientAdmission {
    /// It is served; it counts for the client, where clients are limited.
    case served(counted: IPAddress?)

    /// The client has as many as it may: the first request is answered with 429.
    case refused(counted: IPAddress)

    /// The client goes on although it is being refused.
    case closed
  }

  /// Judges a connection by its client's address.
  ///
  /// A trusted proxy is not limited: it is counted by request whose connection it is.
  func admit(_ host: String) -> ClientAdmission {
    guard let limit = configuration.maximumConnectionsPerAddress, let address = IPAddress(host),
      !forwardedClient.trusts(address)
    else { return .served(counted: nil) }
    guard let count = shared.enter(address.client, limit: 2 * limit) else { return .closed }
    return count < limit ? .served(counted: address.client) : .refused(counted: address.client)
  }

  /// Counts a request that a trusted proxy has passed on.
  ///
  /// - Returns: what to give to `leave` when it has ended; `nil` where the client has reached its limit.
  func enter(_ address: IPAddress) -> IPAddress? {
    let limit = configuration.maximumConnectionsPerAddress ?? .max
    return shared.enter(address.client, limit: limit) == nil ? nil : address.client
  }

  /// Answers a client that has as many connections as it may.
  var tooManyConnections: HTTPRefusal {
    let limit = configuration.maximumConnectionsPerAddress ?? 0
    return HTTPRefusal(
      status: 429, detail: "this client has \(limit) connections already, which is the most",
      limit: .init(name: "connections", value: limit, unit: "connections"), retryAfter: 1)
  }

  /// Answers a client whose body there is no room for.
  var outOfBodyMemory: HTTPRefusal {
    HTTPRefusal(
      status: 503,
      detail: "the bodies of other requests leave no room for this one; try again in a moment",
      retryAfter: 1)
  }
}
