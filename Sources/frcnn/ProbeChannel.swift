import Glibc

/// The way that a probe's bytes take over a socket that does not block.
protocol ProbeChannel {
  /// Writes some of the bytes, which are not none.
  func write(_ bytes: ArraySlice<UInt8>) throws(HealthProbe.Interruption) -> ProbeStep

  /// Reads a byte; none at the end.
  func read(_ byte: inout UInt8) throws(HealthProbe.Interruption) -> ProbeStep
}

/// What came of an attempt to read or write.
enum ProbeStep {
  case bytes(Int)
  /// The socket has to be ready for these events of `poll` first.
  case wait(for: Int32)
}

/// Bytes as they are.
struct ProbeSocket: ProbeChannel {
  let descriptor: Int32

  func write(_ bytes: ArraySlice<UInt8>) throws(HealthProbe.Interruption) -> ProbeStep {
    // Safety: the pointer and the count are the slice's own.
    let count = unsafe bytes.withUnsafeBytes {
      unsafe send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    return try step(count, POLLOUT)
  }

  func read(_ byte: inout UInt8) throws(HealthProbe.Interruption) -> ProbeStep {
    try step(unsafe recv(descriptor, &byte, 1, 0), POLLIN)
  }

  private func step(_ count: Int, _ events: Int32) throws(HealthProbe.Interruption) -> ProbeStep {
    if count >= 0 { return .bytes(count) }
    guard errno == EAGAIN || errno == EINTR else {
      throw HealthProbe.Interruption(message: Failure.systemMessage())
    }
    return .wait(for: events)
  }
}
