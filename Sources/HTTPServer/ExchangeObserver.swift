/// What became of one request: for logs and metrics.
public struct FinishedExchange: Sendable, Equatable {
  /// The method; empty where the request line could not be read.
  public var method: String

  /// The decoded path; empty where the head could not be read.
  public var path: String

  /// The status that was answered; 499, which is never sent, where the client went away before.
  public var status: Int

  /// Bytes of the request's body.
  public var requestBodyLength: Int

  /// Bytes of the response with its head.
  public var responseLength: Int

  /// From the first byte of the request to the response's being handed to the socket.
  public var duration: Duration

  /// The client's address, without a port.
  public var clientAddress: String
}

/// Who is told of each request that was answered, refused, or left by its client.
public protocol ExchangeObserver: Sendable {
  /// Takes note of a request. Called on the server's own queue: it must return at once.
  func finished(_ exchange: FinishedExchange)
}
