/// The times of a configuration in nanoseconds, as the loop counts them.
struct ConnectionTimes {
  let handshake: UInt64
  let head: UInt64
  let body: UInt64
  let idle: UInt64
  let write: UInt64
  let lingering: UInt64
  let probe: UInt64?
  let nanosecondsPerByte: UInt64

  /// How often to look at deadlines: at least eight times in the shortest time, so that none runs
  /// over by more than an eighth, and at most every 10 ms.
  let tick: UInt64

  init(_ configuration: HTTPServerConfiguration) {
    handshake = configuration.handshakeTimeout.nanoseconds
    head = configuration.headTimeout.nanoseconds
    body = configuration.bodyTimeout.nanoseconds
    idle = configuration.idleTimeout.nanoseconds
    write = configuration.writeTimeout.nanoseconds
    lingering = configuration.lingeringTimeout.nanoseconds
    probe = configuration.halfCloseProbeDelay?.nanoseconds
    nanosecondsPerByte = 1_000_000_000 / UInt64(max(configuration.minimumRate, 1))
    let shortest = min(
      min(handshake, head, body), min(idle, write), min(lingering, probe ?? .max))
    tick = min(max(shortest / 8, 10_000_000), 250_000_000)
  }

  /// The end of a time that is longer by what so many bytes may take.
  func deadline(from start: UInt64, _ time: UInt64, bytes: Int) -> UInt64 {
    let (slack, isTooLarge) = UInt64(bytes).multipliedReportingOverflow(by: nanosecondsPerByte)
    return isTooLarge ? .max : start &+ time &+ slack
  }
}
