internal import Dispatch
internal import HTTP1

/// One client's connection: reads requests, has them answered one at a time, writes the answers.
///
/// `HTTP1.ServerConnection` knows the protocol; this knows the socket, the clock and the handler.
///
/// | phase | watches for | deadline | leaves by |
/// |---|---|---|---|
/// | `reading` | bytes | head, body or idle time | a whole request; a refusal; the client's end |
/// | `answering` | the client's going away | none: the handler's affair; the write time where a part of its response waits | the handler's response, to its last part |
/// | `lingering` | bytes, to drop them | lingering time | the client's end |
/// | `closed` | | | |
///
/// Rules:
/// 1. Bytes behind a request that is being answered are kept, at most one buffer of them, and no more
///    is read: a client that sends ahead is slowed down by TCP.
/// 2. While output waits for the client (`isWriting`, under the write time), nothing is read and no
///    further request is begun.
final class Connection: EventHandler, @unchecked Sendable {  // Guard: used on `core.queue` alone.
  enum Phase {
    case reading
    case answering
    case lingering
    case closed
  }

  /// What the deadline that is set is for.
  enum Deadline {
    case none
    case handshake
    case idle
    case head
    case body
    case write
    case lingering
    case probe
  }

  /// What a new connection is watched for.
  static let initialInterest: Readiness = [.readable, .inputEnded]

  /// Output that may be gathered before it is written, and the largest body that is copied behind its
  /// head to leave in one call.
  static let gatheringLength = 64 * 1024

  let core: ServerCore
  let transport: any ByteTransport

  /// The address of the other end.
  let peerAddress: String

  /// The address of the client whose request it is: behind trusted proxies another.
  var clientAddress: String

  /// What the listener is for.
  let role: ListenerRole

  /// The client that the connection counts for, where clients are limited.
  var countedPeer: IPAddress?

  /// The client that the request under way counts for, where it came by a trusted proxy.
  var countedClient: IPAddress?

  /// The client has too many connections: its first request is refused.
  var isRefused = false

  /// What the request's body has taken of `core.bodyMemory`.
  var bodyShare: BodyMemory.Share?
  var http: ServerConnection
  var phase = Phase.reading
  var registered = Connection.initialInterest
  var deadline = Deadline.none

  /// Bytes read behind the request that is being answered.
  var unread: [UInt8] = []

  /// The client sends no more, and all that it sent was read.
  var inputEnded = false

  /// The client sends no more, though bytes may be left to read.
  var clientHalfClosed = false

  /// The request under way, its body still empty: the handler alone has that in the end.
  var request: HTTPRequest?
  var body: [UInt8] = []

  /// The handler's refusal of the request under way, to be sent once its body was dropped.
  var refusal: HTTPResponse?
  var bodyLimit = 0
  var bodyStart: UInt64 = 0

  /// Counts requests, so that a late response cannot reach the wrong one.
  var exchangeNumber: UInt64 = 0
  var hasServed = false
  var isProbed = false

  /// Heads and small bodies on their way out, and how much of them the socket has taken.
  var output: [UInt8] = []
  var outputSent = 0

  /// A large body behind `output`.
  var largeBody: [UInt8] = []
  var largeBodySent = 0

  /// The rest of the response under way, where its parts are still being made.
  var stream: BodyStream?

  /// The socket has not taken all of the output.
  var isWriting = false
  var writeStart: UInt64 = 0
  var writtenSinceStart = 0

  var lingeringEnd: UInt64 = 0
  var lingeringLeft = 0

  /// What an unfinished read or write waits for; with TLS not always the obvious.
  var readWaitsFor = Readiness.readable
  var writeWaitsFor = Readiness.writable

  init(core: ServerCore, transport: any ByteTransport, peerAddress: String, role: ListenerRole) {
    self.core = core
    self.transport = transport
    self.peerAddress = peerAddress
    self.role = role
    clientAddress = peerAddress
    http = ServerConnection(limits: core.configuration.limits)
  }

  var queue: DispatchQueue { core.queue }

  /// Begins: the handshake, and after it the first head must come in time.
  func start() {
    if transport.isHandshaking {
      setDeadline(.handshake, core.loop.now &+ core.times.handshake)
    } else {
      let time = isRefused ? min(core.times.head, ServerCore.refusedHeadTime) : core.times.head
      setDeadline(.head, core.loop.now &+ time)
    }
  }

  func ready(_ readiness: Readiness) {
    if readiness.contains(.gone) { return clientGone() }
    if readiness.contains(.inputEnded) { clientEndedInput() }
    if isWriting, !readiness.isDisjoint(with: writeWaitsFor) { flush() }
    switch phase {
    case .reading: if !isWriting { read() }
    case .lingering: dropInput()
    case .answering, .closed: break
    }
    settle(unwanted: readiness)
  }

  /// Watches for what the phase needs.
  ///
  /// Interest that is no longer needed is only taken back once it brought an event: most requests
  /// are answered before there is one, and a call to the kernel is saved.
  func settle(unwanted seen: Readiness = []) {
    guard phase != .closed else { return }
    let needed = neededInterest
    let isDisturbing = !seen.intersection(registered).isSubset(of: needed)
    guard !registered.isSuperset(of: needed) || isDisturbing else { return }
    registered = needed
    core.loop.rewatch(transport.descriptor, for: needed)
  }

  private var neededInterest: Readiness {
    let end: Readiness = clientHalfClosed ? [] : .inputEnded
    switch phase {
    case .reading: return isWriting ? writeWaitsFor.union(end) : readWaitsFor.union(end)
    case .answering: return isWriting ? writeWaitsFor.union(end) : end
    case .lingering: return .readable
    case .closed: return []
    }
  }

  func setDeadline(_ kind: Deadline, _ time: UInt64?) {
    deadline = kind
    core.loop.setDeadline(time, of: transport.descriptor)
  }

  /// Gives back what the request under way has taken.
  func forgetRequest() {
    request = nil
    bodyShare = nil
    if let client = countedClient {
      core.shared.leave(client)
      countedClient = nil
    }
  }

  /// Closes at once, whatever is under way.
  func abort() {
    guard phase != .closed else { return }
    cancelRequest()
    close()
  }

  /// Gives everything back.
  func close() {
    guard phase != .closed else { return }
    phase = .closed
    stream?.abandon()
    stream = nil
    core.loop.unwatch(transport.descriptor)
    transport.close()
    unread = []
    body = []
    output = []
    largeBody = []
    forgetRequest()
    if let countedPeer { core.shared.leave(countedPeer) }
    core.connectionClosed(role: role)
  }
}
