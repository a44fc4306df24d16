import Glibc
import Testing

@testable import HTTPServer

/// A listening socket by itself.
@Suite struct ListenerTests {
  @Test(.timeLimit(.minutes(60)))
  func aSocketThatCannotAcceptSaysSoInsteadOfTryingForEver() throws {
    let listener = try Listener(SocketAddress(host: "127.0.0.1", port: 0), backlog: 8)
    // A socket that is not listened on takes its place: accept answers EINVAL each time.
    let other = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #expect(dup2(other, listener.descriptor) == listener.descriptor)
    close(other)
    guard case .failed(let code) = listener.accept() else {
      Issue.record("a broken socket accepts")
      return
    }
    #expect(code == EINVAL)
    listener.close()
  }

  @Test func refusedConnectionsAreNotTakenAndThoseBeforeAre() throws {
    let listener = try Listener(SocketAddress(host: "127.0.0.1", port: 0), backlog: 8)
    let early = try TestClient(port: listener.address.port)
    listener.refuseConnections()
    guard case .connection(let descriptor, _) = listener.accept() else {
      Issue.record("what was connected before is gone")
      return
    }
    close(descriptor)
    #expect(try early.isClosedByServer())
    // A client that does not wait finds that nobody has taken its connection.
    let late = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(listener.address.port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    let result = unsafe withUnsafePointer(to: address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(late, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    #expect(result == -1 && errno == EINPROGRESS)
    guard case .nothing = listener.accept() else {
      Issue.record("a connection came after all")
      return
    }
    listener.close()
    close(late)
  }
}
