import Foundation
import Synchronization
import Testing

/// One server for all of these: that it goes on serving after each of them is part of each.
///
/// Its queue has room for all of them at once.
@Suite struct ServerTests {
  private static let shared = Task { try await Server("--queue", "1000") }

  private func server() async throws -> Server { try await Self.shared.value }

  private func example() throws -> Data { try Data(contentsOf: Program.example) }

  @Test func everyWayInGivesTheSameDetections() async throws {
    let server = try await server()
    let picture = try example()
    let raw = try await server.send(Connection.request("POST", "/detect", body: picture))
    #expect(raw.status == 200)
    let answer = try Answer(raw.body)
    #expect(answer.detections.count >= 5)
    #expect((answer.proposals?.count ?? 0) > 50)
    for type in ["image/jpeg", "application/octet-stream", "application/x-www-form-urlencoded"] {
      let typed = try await server.send(
        Connection.request("POST", "/detect", body: picture, type: type))
      #expect(typed.status == 200, "\(type): \(typed.text)")
      try expectSame(Answer(typed.body), answer)
    }
    for field in ["image", "file"] {
      let form = try await server.send(
        Connection.request(
          "POST", "/detect", body: Connection.form(field: field, file: picture),
          type: "multipart/form-data; boundary=boundary42"))
      #expect(form.status == 200, "\(field): \(form.text)")
      try expectSame(Answer(form.body), answer)
    }
    let command = try await Program.run(["detect", "--json", Program.example.path])
    #expect(command.status == 0)
    try expectSame(Answer(command.output), answer)
    let piped = try await Program.run(["detect", "--json", "-"], input: picture)
    try expectSame(Answer(piped.output), answer)
  }

  @Test func aChunkedBodyIsTheSameBody() async throws {
    let server = try await server()
    let picture = try example()
    let whole = try await server.send(Connection.request("POST", "/detect", body: picture))
    var chunked = Data(
      "POST /detect HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    for start in stride(from: 0, to: picture.count, by: 10_000) {
      let chunk = picture[start..<min(start + 10_000, picture.count)]
      chunked += Data("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + Data("\r\n".utf8)
    }
    chunked += Data("0\r\n\r\n".utf8)
    let answer = try await server.send(chunked)
    #expect(answer.status == 200)
    try expectSame(Answer(answer.body), Answer(whole.body))
  }

  @Test func parametersReachTheDetector() async throws {
    let server = try await server()
    let picture = try example()
    let all = try await Answer(
      server.send(Connection.request("POST", "/detect", body: picture)).body)
    let few = try await Answer(
      server.send(
        Connection.request(
          "POST", "/detect?score_threshold=0.9&max_detections=2&include=detections,image",
          body: picture)
      ).body)
    #expect(few.proposals == nil)
    #expect(few.detections == Array(all.detections.filter { $0.score > 0.9 }.prefix(2)))
    #expect(few.detections.count == 2)
  }

  @Test func eightClientsAtOnceGetWhatOneGets() async throws {
    let server = try await server()
    let request = Connection.request("POST", "/detect", body: try example())
    let alone = try await Answer(server.send(request).body)
    try await withThrowingTaskGroup(of: Connection.Response.self) { group in
      for _ in 0..<8 { group.addTask { try await server.send(request) } }
      for try await response in group {
        #expect(response.status == 200)
        try expectSame(Answer(response.body), alone)
      }
    }
  }

  /// Health is not behind the pictures.
  ///
  /// Of twelve that take turns, the last is still to be answered when many probes that were sent after
  /// it have been. An order of events, so a busy machine changes
  /// nothing.
  @Test func healthAnswersWhileItWorks() async throws {
    let server = try await server()
    let request = Connection.request("POST", "/detect", body: try example())
    let answered = Counter()
    var probes = 0
    async let work: [Int] = withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<12 {
        group.addTask {
          let status = try await server.send(request).status
          answered.increase()
          return status
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    while answered.value < 12 {
      #expect(try await server.send(Connection.request("GET", "/livez")).status == 200)
      probes += 1
    }
    #expect(try await work == Array(repeating: 200, count: 12))
    // One after the other behind the queue, thirteen probes would be the most.
    #expect(probes > 13)
  }

  @Test func healthCommandAsksIt() async throws {
    let server = try await server()
    let result = try await Program.run(
      ["health"], environment: ["FRCNN_PORT": "\(server.port)", "FRCNN_HOST": "0.0.0.0"])
    #expect(result.status == 0)
    #expect(result.text == "ready\n")
  }

  @Test func aConnectionCarriesManyRequests() async throws {
    let port = try await server().port
    let picture = try example()
    try await onThread {
      let connection = try Connection(port: port)
      for _ in 0..<2 {
        try connection.send(Connection.request("POST", "/detect", body: picture))
        #expect(try connection.receive().status == 200)
      }
      // Two at once: the answers come in the order of the requests.
      try connection.send(
        Connection.request("POST", "/detect", body: picture)
          + Connection.request("GET", "/nowhere") + Connection.request("GET", "/livez"))
      #expect(try connection.receive().status == 200)
      #expect(try connection.receive().status == 404)
      #expect(try connection.receive().status == 200)
    }
  }

  @Test func headAnswersWithoutABody() async throws {
    let port = try await server().port
    try await onThread {
      let connection = try Connection(port: port)
      try connection.send(Connection.request("HEAD", "/readyz"))
      let head = try connection.receive(toHEAD: true)
      #expect(head.status == 200)
      // Were there a body, it would be taken for the next answer.
      try connection.send(Connection.request("GET", "/readyz"))
      let get = try connection.receive()
      #expect(get.status == 200)
      #expect(head.fields["content-length"] == get.fields["content-length"])
    }
  }

  @Test func aClientThatWaitsIsToldToContinue() async throws {
    let port = try await server().port
    let picture = try example()
    try await onThread {
      let connection = try Connection(port: port)
      try connection.send(
        """
        POST /detect HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\
        Content-Length: \(picture.count)\r\n\r\n
        """)
      #expect(try connection.receive().status == 100)
      try connection.send(picture)
      #expect(try connection.receive().status == 200)
    }
  }

  @Test func aBodyThatIsTooLargeIsRefusedBeforeItIsSent() async throws {
    let port = try await server().port
    try await onThread {
      let connection = try Connection(port: port)
      try connection.send(
        """
        POST /detect HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\
        Content-Length: 99999999999\r\n\r\n
        """)
      let response = try connection.receive()
      #expect(response.status == 413)
      #expect(response.fields["content-type"] == "application/problem+json")
    }
  }

  private func expectSame(
    _ first: Answer, _ second: Answer, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    // The same program on the same number of threads: what is left is the order in which threads
    // add up, some units in the last place of a coordinate of hundreds of pixels.
    let distance = first.distance(to: second)
    #expect(distance.box < 0.01, sourceLocation: sourceLocation)
    #expect(distance.score < 1e-4, sourceLocation: sourceLocation)
  }
}

/// A number that several tasks count up.
private final class Counter: Sendable {
  private let count = Atomic<Int>(0)

  var value: Int { count.load(ordering: .relaxed) }

  func increase() { count.add(1, ordering: .relaxed) }
}
