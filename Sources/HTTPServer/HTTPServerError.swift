internal import Glibc

/// Why a server could not start.
public enum HTTPServerError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The host is not a numeric address, or the port is not in 0...65535.
  case invalidAddress(SocketAddress)

  /// Another process (or listener) has the port.
  case addressInUse(SocketAddress)

  /// The process may not bind to the port.
  case permissionDenied(SocketAddress)

  /// No interface of this machine has the address.
  case addressNotAvailable(SocketAddress)

  /// The kernel refused for another reason.
  case system(call: String, code: Int32, SocketAddress?)

  /// The files of TLS cannot be used.
  case tls(TLSError)

  /// `start()` was called a second time.
  case alreadyStarted

  /// What went wrong and how to mend it.
  public var description: String {
    switch self {
    case .invalidAddress(let address):
      "cannot listen on \(address): give a numeric IPv4 or IPv6 address (or localhost) "
        + "and a port from 0 to 65535"
    case .addressInUse(let address):
      "cannot listen on \(address): another process listens there; stop it or choose another port"
    case .permissionDenied(let address):
      "cannot listen on \(address): not permitted; ports under 1024 need CAP_NET_BIND_SERVICE, "
        + "so choose a higher one"
    case .addressNotAvailable(let address):
      "cannot listen on \(address): no interface of this machine has that address; "
        + "0.0.0.0 or :: listens on all of them"
    case .system(let call, let code, let address):
      "\(call) failed\(address.map { " for \($0)" } ?? ""): \(unsafe String(cString: strerror(code)))"
    case .tls(let error): error.description
    case .alreadyStarted: "the server was started before; make a new one"
    }
  }

  static func failed(_ call: String, _ code: Int32, _ address: SocketAddress) -> HTTPServerError {
    switch code {
    case EADDRINUSE: .addressInUse(address)
    case EACCES, EPERM: .permissionDenied(address)
    case EADDRNOTAVAIL: .addressNotAvailable(address)
    default: .system(call: call, code: code, address)
    }
  }
}
