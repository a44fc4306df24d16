import Hummingbird
import Logging

/// A server that answers a probe, and refuses every picture: `peer PORT`.
@main struct Peer {
  static func main() async throws {
    guard CommandLine.arguments.count == 2, let port = Int(CommandLine.arguments[1]) else {
      fatalError("usage: peer PORT")
    }
    var logger = Logger(label: "peer")
    logger.logLevel = .critical
    let router = Router()
    router.get("livez") { _, _ in
      Response(
        status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
        body: .init(byteBuffer: ByteBuffer(string: #"{"status":"live"}"#)))
    }
    router.post("detect") { _, _ in
      Response(
        status: .unsupportedMediaType, headers: [.contentType: "application/problem+json"],
        body: .init(
          byteBuffer: ByteBuffer(
            string: #"{"status":415,"title":"The content type is not supported"}"#)))
    }
    let application = Application(
      router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)),
      logger: logger)
    try await application.runService()
  }
}
