internal import Synchronization

/// What a server has counted since it started.
public struct ServerStatistics: Sendable, Equatable {
  /// Connections open now.
  public var openConnections: Int

  /// Connections accepted.
  public var acceptedConnections: Int

  /// Requests whose head was read in full.
  public var requests: Int

  /// Requests that the server itself refused: malformed, over a limit, or too slow.
  public var refusedRequests: Int

  /// TLS handshakes that failed or took too long.
  public var failedHandshakes: Int

  /// Requests whose client went away before the answer.
  public var cancelledRequests: Int

  /// Times that accepting paused: connections or descriptors had run out.
  public var acceptPauses: Int

  /// What several servers counted together.
  public static func + (one: Self, other: Self) -> Self {
    Self(
      openConnections: one.openConnections + other.openConnections,
      acceptedConnections: one.acceptedConnections + other.acceptedConnections,
      requests: one.requests + other.requests,
      refusedRequests: one.refusedRequests + other.refusedRequests,
      failedHandshakes: one.failedHandshakes + other.failedHandshakes,
      cancelledRequests: one.cancelledRequests + other.cancelledRequests,
      acceptPauses: one.acceptPauses + other.acceptPauses)
  }
}

/// The counts behind `ServerStatistics`, to be read from any thread.
final class ServerCounters: Sendable {
  let open = Atomic(0)
  let accepted = Atomic(0)
  let requests = Atomic(0)
  let refused = Atomic(0)
  let failedHandshakes = Atomic(0)
  let cancelled = Atomic(0)
  let acceptPauses = Atomic(0)

  var statistics: ServerStatistics {
    ServerStatistics(
      openConnections: open.load(ordering: .relaxed),
      acceptedConnections: accepted.load(ordering: .relaxed),
      requests: requests.load(ordering: .relaxed),
      refusedRequests: refused.load(ordering: .relaxed),
      failedHandshakes: failedHandshakes.load(ordering: .relaxed),
      cancelledRequests: cancelled.load(ordering: .relaxed),
      acceptPauses: acceptPauses.load(ordering: .relaxed))
  }
}

extension Atomic<Int> {
  /// Adds to a count that orders nothing else.
  borrowing func count(_ amount: Int = 1) { wrappingAdd(amount, ordering: .relaxed) }
}
