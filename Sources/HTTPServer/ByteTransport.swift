/// What an operation on a transport came to.
enum TransportResult {
  /// So many bytes, at least one.
  case bytes(Int)

  /// Nothing now; try again when the descriptor is ready for this. With TLS a read may have to wait
  /// until something can be written, and the other way round.
  case wouldBlock(on: Readiness)

  /// The other side will send no more.
  case closed

  /// The connection is broken.
  case failed

  /// The client does not speak TLS where it should; what is written now reaches it as it is.
  case plaintext

  /// The handshake failed, and the client has been told why.
  case handshakeRefused
}

/// A connection's bytes, read and written without ever waiting.
///
/// A transport over TLS performs its handshake inside the first reads, so that the connection above
/// does not know of it.
protocol ByteTransport: AnyObject {
  /// The descriptor whose readiness says when to try again.
  var descriptor: Int32 { get }

  /// Whether a read that filled only part of a buffer took all there was.
  ///
  /// A next read would then only learn that it would block, and is saved.
  var isDrainedByShortRead: Bool { get }

  /// Whether what goes over it is encrypted.
  var isSecure: Bool { get }

  /// Whether the connection still has to be agreed on before the client's first byte can come.
  var isHandshaking: Bool { get }

  /// Reads what is there into a buffer that is not empty.
  func read(into buffer: UnsafeMutableRawBufferPointer) -> TransportResult

  /// Writes the front of bytes that are not empty.
  ///
  /// - Parameters:
  ///   - bytes: what to write.
  ///   - isMoreComing: whether more follows at once, so that a small packet can wait for it.
  /// - Returns: how many bytes were taken, or why none.
  func write(_ bytes: UnsafeRawBufferPointer, isMoreComing: Bool) -> TransportResult

  /// Says to the other side that nothing more will come, and goes on reading.
  func shutdownWriting()

  /// Gives the descriptor back.
  func close()
}
