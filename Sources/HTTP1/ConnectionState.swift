/// Where the client's side of a connection stands; the pair with `ServerState` is the whole state.
///
/// After h11 (Nathaniel J. Smith), whose two machines these are, cut down to a server:
///
/// | client | head, no body | head, body | end of request | end of input | error | next cycle |
/// |---|---|---|---|---|---|---|
/// | `idle` | `done` | `sending` | | `closed` | `failed` | |
/// | `sending` | | | `done` | `failed` | `failed` | |
/// | `done` | | | | | | `idle` |
/// | `closed` | | | | `closed` | | |
/// | `failed` | | | | `failed` | | |
///
/// (`head, no body` is `head` followed at once by `end of request`.)
public enum ClientState: Sendable, Equatable, CaseIterable {
  /// Between requests, or in the middle of a head.
  case idle

  /// The head has come; the rest of the request is on its way.
  case sending

  /// A whole request has come. What follows it waits.
  case done

  /// The client will send nothing more, and owes nothing.
  case closed

  /// The client broke a rule: nothing it sent after that has a meaning.
  case failed

  enum Event: CaseIterable {
    case head
    case endOfRequest
    case endOfInput
    case error
    case nextCycle
  }

  /// The state after an event; `nil` where the event cannot happen.
  func after(_ event: Event) -> ClientState? {
    switch (self, event) {
    case (.idle, .head): .sending
    case (.sending, .endOfRequest): .done
    case (.idle, .endOfInput), (.closed, .endOfInput): .closed
    case (.sending, .endOfInput), (.failed, .endOfInput): .failed
    case (.idle, .error), (.sending, .error): .failed
    case (.done, .nextCycle): .idle
    default: nil
    }
  }
}

/// Where the server's side of a connection stands.
///
/// | server | request head | interim response | response head | response that keeps alive | response that closes | next cycle |
/// |---|---|---|---|---|---|---|
/// | `idle` | `owing` | | | | `closed` (a refusal) | |
/// | `owing` | | `owing` | `sending` | `done` | `closed` | |
/// | `sending` | | | | `done` | `closed` | |
/// | `done` | | | | | | `idle` |
/// | `closed` | | | | | | |
///
/// (A response in one piece is its head and its end at once, and does not pass through `sending`.)
///
/// A cycle ends when both sides are `done`; then both are `idle` again. A response closes when the
/// client asked for that, failed, or has not sent its whole request yet, or when the server wants to.
public enum ServerState: Sendable, Equatable, CaseIterable {
  /// Nothing to answer.
  case idle

  /// A request has begun, and its response has not been given.
  case owing

  /// The head of the response was given, and its body comes in parts.
  case sending

  /// The response was given; the client may go on.
  case done

  /// A response was given that is the connection's last.
  case closed

  enum Event: CaseIterable {
    case requestHead
    case interimResponse
    case responseHead
    case response
    case lastResponse
    case nextCycle
  }

  /// The state after an event; `nil` where the event cannot happen.
  func after(_ event: Event) -> ServerState? {
    switch (self, event) {
    case (.idle, .requestHead): .owing
    case (.owing, .interimResponse): .owing
    case (.owing, .responseHead): .sending
    case (.owing, .response), (.sending, .response): .done
    case (.idle, .lastResponse), (.owing, .lastResponse), (.sending, .lastResponse): .closed
    case (.done, .nextCycle): .idle
    default: nil
    }
  }
}
