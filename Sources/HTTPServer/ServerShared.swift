internal import HTTP1
internal import Synchronization

/// What the loops of a server count together, from any of their queues.
final class ServerShared: Sendable {
  /// Connections open, at all listeners.
  let openConnections = Atomic(0)

  /// Connections open at the listeners for everything.
  let openServiceConnections = Atomic(0)

  /// Whether accepting pauses somewhere, and waits for a connection to close.
  let isPaused = Atomic(false)

  /// Counts the bytes of the bodies that are being read or answered.
  let bodyMemory: BodyMemory

  /// How many connections each client has, where that is limited.
  private let clients = Mutex<[IPAddress: Int]>([:])

  init(_ configuration: HTTPServerConfiguration) {
    bodyMemory = BodyMemory(limit: configuration.maximumBodyMemory)
  }

  /// Counts a connection that was accepted.
  func connectionOpened(_ role: ListenerRole) {
    openConnections.add(1, ordering: .sequentiallyConsistent)
    if role == .service { openServiceConnections.add(1, ordering: .sequentiallyConsistent) }
  }

  /// Counts that a connection was closed.
  func connectionClosed(_ role: ListenerRole) {
    openConnections.subtract(1, ordering: .sequentiallyConsistent)
    if role == .service { openServiceConnections.subtract(1, ordering: .sequentiallyConsistent) }
  }

  /// Counts a connection or request of a client.
  ///
  /// - Returns: how many it had before; `nil` where those are the limit already, and then it is not
  ///   counted.
  func enter(_ client: IPAddress, limit: Int) -> Int? {
    clients.withLock { clients in
      let count = clients[client, default: 0]
      guard count < limit else { return nil }
      clients[client] = count + 1
      return count
    }
  }

  /// Counts that a connection, or a request that was passed on, has ended.
  func leave(_ client: IPAddress) {
    clients.withLock { clients in
      let count = clients[client, default: 0]
      clients[client] = count > 1 ? count - 1 : nil
    }
  }
}
