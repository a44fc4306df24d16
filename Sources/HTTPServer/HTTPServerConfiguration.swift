public import HTTP1

/// How a server listens and how much it lets a client take; the defaults suit an open network.
public struct HTTPServerConfiguration: Sendable, Equatable {
  /// Where to listen.
  ///
  /// An IPv6 address takes IPv6 clients only; list both families for both.
  public var addresses = [SocketAddress(host: "127.0.0.1", port: 8080)]

  /// Where to listen besides for probes alone; requests from there have the `listener` `health`.
  ///
  /// Never TLS, which those who probe seldom speak.
  public var healthAddresses: [SocketAddress] = []

  /// How many loops serve connections, each on a queue and so on a thread of its own; 1 at least.
  ///
  /// One answers tens of thousands of small requests a second. More share connections out in turn, which
  /// pays where TLS or small requests keep one busy.
  public var loopCount = 1

  /// The files of TLS; with them `addresses` speak HTTPS only.
  public var tls: TLSConfiguration?

  /// How much a request may hold.
  public var limits = HTTPLimits()

  /// How long a TLS handshake may take, 10 s: as long as a head.
  public var handshakeTimeout: Duration = .seconds(10)

  /// How long a head may take, from the connection or the end of the response before it to its
  /// last byte, once its first byte has come: 10 s.
  ///
  /// Twice what Apache's `mod_reqtimeout` and HAProxy's examples allow a slow but honest client. Over
  /// it: 408; a new connection that never says anything is closed without one.
  public var headTimeout: Duration = .seconds(10)

  /// How long a body may take, 30 s, and besides the time its bytes need at `minimumRate`.
  ///
  /// Over it: 408.
  public var bodyTimeout: Duration = .seconds(30)

  /// How long a connection may rest between requests, 60 s: a little over the common 50 s to 55 s
  /// after which balancers and browsers give an idle connection up themselves.
  public var idleTimeout: Duration = .seconds(60)

  /// How long a response may take to be taken by the client, 30 s, and besides the time its bytes
  /// need at `minimumRate`.
  public var writeTimeout: Duration = .seconds(30)

  /// Bytes a second that a slow client must keep up, 16 KiB: a 2G link.
  ///
  /// A bare limit would cut off the large picture of an honest slow client; a limit for each read
  /// would let a client that drips bytes stay for days.
  public var minimumRate = 16 * 1024

  /// How long a closing connection goes on taking (and dropping) what the client still sends, 5 s
  /// after the last byte of it, and six times that in all.
  ///
  /// To close with bytes unread resets the connection, and the client may lose the response that
  /// says why (RFC 9112 section 9.6). nginx has the same two times.
  public var lingeringTimeout: Duration = .seconds(5)

  /// How many bytes such a connection drops at most, 64 MiB: twice the largest body.
  public var lingeringLength = 64 * 1024 * 1024

  /// How long a client that has shut its sending side waits before it is asked whether it is there.
  ///
  /// 1 s; `nil` never asks. `Connection+Peer.swift` says why and how.
  public var halfCloseProbeDelay: Duration? = .seconds(1)

  /// Connections open at once; over it the server accepts no more until one closes, and the kernel's
  /// queue holds the rest.
  public var maximumConnections = 16_384

  /// Connections open at once at `healthAddresses`, which do not count among the others: 64, so that
  /// probes are answered while the server is full.
  public var maximumHealthConnections = 64

  /// Connections of one client at once; `nil`, the default, for as many as it likes.
  ///
  /// Over it the answer is 429. A client is an IPv4 address or an IPv6 network of 64 bits; behind a
  /// trusted proxy, whose connections many share, its requests under way count.
  public var maximumConnectionsPerAddress: Int?

  /// The proxies that are believed when they tell whose request they pass on.
  public var trustedProxies: [AddressBlock] = []

  /// The field in which they tell it.
  public var forwardedField = ForwardedField.xForwardedFor

  /// Bytes of all bodies that are being read or answered, 512 MiB: sixteen of the largest.
  ///
  /// Over it: 503, before a body is read where its length is declared.
  public var maximumBodyMemory = 512 * 1024 * 1024

  /// How many connections the kernel may hold that are not accepted yet.
  ///
  /// The kernel caps it at `net.core.somaxconn`, 4096 on current Linux.
  public var backlog = 4096

  /// The value of the `Server` field, without a version that would help an attacker.
  public var serverName = "frcnn"

  /// The defaults.
  public init() {}
}
