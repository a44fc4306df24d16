internal import Dispatch
internal import Synchronization

/// One request that a handler has, and the place where its response arrives from any thread.
///
/// The handler's `respond` closure alone keeps it alive: a handler that drops the closure without
/// calling it shows in `deinit`, and the client still gets a response.
final class Exchange: Sendable {
  private enum State {
    /// `handle` has not returned: the loop will ask for the response by itself.
    case handling(HTTPResponse?)

    /// `handle` has returned: the response must be brought to the loop.
    case waiting

    case answered
  }

  private let connection: Connection
  private let number: UInt64
  private let state = Mutex(State.handling(nil))

  /// Makes the exchange with the given number of a connection.
  init(connection: Connection, number: UInt64) {
    self.connection = connection
    self.number = number
  }

  deinit {
    guard state.withLock({ if case .waiting = $0 { true } else { false } }) else { return }
    deliver(HTTPResponse(status: 500))
  }

  /// Takes the response.
  func respond(_ response: HTTPResponse) {
    let isLate = state.withLock { state in
      switch state {
      case .handling(nil):
        state = .handling(response)
        return false
      case .waiting:
        state = .answered
        return true
      case .handling, .answered:
        preconditionFailure("a request was answered twice, the second time with \(response.status)")
      }
    }
    if isLate { deliver(response) }
  }

  /// Says that `handle` has returned.
  ///
  /// - Returns: the response where there is one already.
  func finishHandling() -> HTTPResponse? {
    state.withLock { state in
      guard case .handling(let response) = state else { return nil }
      state = response == nil ? .waiting : .answered
      return response
    }
  }

  private func deliver(_ response: HTTPResponse) {
    let (connection, number) = (connection, number)
    connection.queue.async { connection.deliver(response, toExchange: number) }
  }
}
