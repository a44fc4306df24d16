import Dispatch
import Glibc
import HTTP1
import HTTPServer
import Synchronization

/// Answers by path, and remembers what it was asked.
final class TestHandler: RequestHandler {
  struct Held: Sendable {
    var request: HTTPRequest
    var respond: @Sendable (HTTPResponse) -> Void
  }

  /// A queue with a thread of its own: the global ones starve where tests block.
  private let queue = DispatchQueue(label: "TestHandler")
  private let held = Mutex<[Held]>([])
  private let paths = Mutex<[String]>([])

  /// The paths asked for, in order.
  var handledPaths: [String] { paths.withLock { $0 } }

  /// Requests for `/hold...` that wait.
  var heldRequests: [Held] { held.withLock { $0 } }

  /// Answers everything that waits with its path.
  func release() {
    let all = held.withLock { held in
      defer { held = [] }
      return held
    }
    for one in all { one.respond(Self.text(200, one.request.path)) }
  }

  /// Waits until so many requests are held.
  ///
  /// - Returns: false where that does not come.
  func waits(forHeld count: Int) -> Bool { becomesTrue { heldRequests.count >= count } }

  static func text(_ status: Int, _ text: String) -> HTTPResponse {
    var fields = HTTPFields()
    fields.append("Content-Type", "text/plain")
    return HTTPResponse(status: status, fields: fields, body: Array(text.utf8))
  }

  func admit(head: HTTPRequest) -> HTTPAdmission {
    if head.path.hasPrefix("/refused") { return .refused(Self.text(403, "not here")) }
    return .admitted(ticket: head.query)
  }

  func handle(_ request: HTTPRequest, respond: @escaping @Sendable (HTTPResponse) -> Void) {
    paths.withLock { $0.append(request.path) }
    switch request.path {
    case "/echo":
      respond(HTTPResponse(status: 200, body: request.body))
    case "/length":
      respond(Self.text(200, "\(request.body.count)"))
    case "/address":
      respond(Self.text(200, request.clientAddress))
    case "/listener":
      respond(Self.text(200, "\(request.listener)"))
    case "/ticket":
      respond(Self.text(200, request.ticket as? String ?? "none"))
    case "/large":
      respond(HTTPResponse(status: 200, body: [UInt8](repeating: 7, count: 8 << 20)))
    case "/empty":
      respond(HTTPResponse(status: 204))
    case "/later":
      queue.asyncAfter(deadline: .now() + .milliseconds(20)) {
        respond(Self.text(200, "later"))
      }
    case "/dropped":
      queue.async { _ = respond }
    case "/parts":
      let stream = BodyStream()
      respond(HTTPResponse(status: 200, body: Array("head,".utf8), stream: stream))
      queue.async {
        for part in ["a,", "", "bc"] { stream.write(Array(part.utf8)) }
        stream.finish()
      }
    case "/picture":
      respond(Self.file(Self.picture, "image/png"))
    case "/picture-in-parts":
      let stream = BodyStream()
      respond(HTTPResponse(status: 200, stream: stream))
      for start in stride(from: 0, to: Self.picture.count, by: 1000) {
        stream.write(Array(Self.picture[start..<min(start + 1000, Self.picture.count)]))
      }
      stream.finish()
    case "/page":
      respond(Self.file(Array("<html>".utf8), "text/html"))
    case "/elsewhere":
      var response = Self.text(302, "")
      response.fields.append("Location", "/secret")
      respond(response)
    case "/slow-parts":
      let stream = BodyStream()
      respond(HTTPResponse(status: 200, stream: stream))
      for number in 1...4 {
        queue.asyncAfter(deadline: .now() + .milliseconds(50 * number)) {
          if number < 4 { stream.write([7]) } else { stream.finish() }
        }
      }
    case "/endless":
      let stream = BodyStream()
      respond(HTTPResponse(status: 200, stream: stream))
      produce(to: stream, request.cancellation)
    case let path where path.hasPrefix("/hold"):
      held.withLock { $0.append(Held(request: request, respond: respond)) }
    default:
      respond(Self.text(200, request.path))
    }
  }

  /// What stands for a picture.
  static let picture = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }

  private static func file(_ bytes: [UInt8], _ type: String) -> HTTPResponse {
    var fields = HTTPFields()
    fields.append("Content-Type", type)
    return HTTPResponse(status: 200, fields: fields, body: bytes)
  }

  /// The most bytes that waited in an endless body, and how many were written to it.
  let produced = Mutex((parts: 0, isEnded: false))

  /// Writes parts of 64 KiB for as long as somebody takes them.
  private func produce(to stream: BodyStream, _ cancellation: Cancellation) {
    queue.async { [self] in
      while !stream.isFull {
        guard !cancellation.isCancelled else {
          stream.finish()
          return produced.withLock { $0.isEnded = true }
        }
        stream.write([UInt8](repeating: 7, count: 64 << 10))
        produced.withLock { $0.parts += 1 }
      }
      stream.whenDrained { self.produce(to: stream, cancellation) }
    }
  }

  func response(to refusal: HTTPRefusal) -> HTTPResponse {
    Self.text(refusal.status, refusal.detail)
  }
}

/// Looks every few milliseconds whether something has come true; false after ten minutes, which is long on a
/// machine that is busy with other things too.
func becomesTrue(_ condition: () -> Bool) -> Bool {
  let deadline = ContinuousClock.now + .seconds(600)
  while true {
    // Asked once more when the time is over: others may have had the processor meanwhile.
    let isLate = ContinuousClock.now >= deadline
    if condition() { return true }
    if isLate { return false }
    usleep(5000)
  }
}
