import Testing

@testable import HTTP1

@Suite struct ServerConnectionTests {
  private func feed(
    _ text: String, to connection: inout ServerConnection
  ) throws(RequestError) -> [RequestEvent] {
    let bytes = Array(text.utf8)
    var index = 0
    var events: [RequestEvent] = []
    while let event = try connection.next(bytes.span, from: &index) { events.append(event) }
    return events
  }

  private func respond(
    _ connection: inout ServerConnection, _ status: Int = 200, length: Int? = 2,
    fields: [(String, String)] = [], closing: Bool = false
  ) -> (head: String, hasBody: Bool) {
    var list = HTTPFields()
    for (name, value) in fields { list.append(name, value) }
    var output: [UInt8] = []
    let hasBody = connection.write(
      ResponseHead(status: status, fields: list, bodyLength: length),
      serverFields: Array("Server: s\r\n".utf8), closing: closing, to: &output)
    return (String(decoding: output, as: UTF8.self), hasBody)
  }

  @Test("RFC 9112 section 4: status line, fields, empty line") func wholeResponse() throws {
    var connection = ServerConnection()
    _ = try feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n", to: &connection)
    let (head, hasBody) = respond(&connection, fields: [("Content-Type", "text/plain")])
    #expect(
      head
        == "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n")
    #expect(hasBody)
    #expect(connection.isBetweenRequests == true)
  }

  @Test("RFC 9112 section 9.3.2: a request sent ahead waits for the response before it")
  func pipelining() throws {
    var connection = ServerConnection()
    let bytes = Array(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
    var index = 0
    var paths: [String] = []
    while let event = try connection.next(bytes.span, from: &index) {
      if case .head(let head) = event { paths.append(head.path) }
    }
    #expect(paths == ["/1"])
    #expect(connection.isReading == false)
    _ = respond(&connection)
    guard case .head(let head) = try connection.next(bytes.span, from: &index) else {
      Issue.record("no second head")
      return
    }
    #expect(head.path == "/2")
  }

  @Test("RFC 9110 section 9.3.2: HEAD gets the fields of GET and no body") func head() throws {
    var connection = ServerConnection()
    _ = try feed("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", to: &connection)
    let (head, hasBody) = respond(&connection, length: 1234)
    #expect(head.contains("\r\nContent-Length: 1234\r\n"))
    #expect(!hasBody)
  }

  @Test("RFC 9110 section 9.3.2: HEAD gets no body with an error in its fields either")
  func malformedHead() throws {
    var connection = ServerConnection()
    #expect(throws: RequestError.self) {
      try feed("HEAD / HTTP/1.1\r\nHost : x\r\n\r\n", to: &connection)
    }
    #expect(!respond(&connection, 400).hasBody)
  }

  @Test("RFC 9110 sections 8.6, 15.3.5 and 15.4.5: 204 and 304 have neither length nor body")
  func bodiless() throws {
    for status in [204, 304] {
      var connection = ServerConnection()
      _ = try feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n", to: &connection)
      let (head, hasBody) = respond(&connection, status, length: 5)
      #expect(!head.lowercased().contains("content-length"))
      #expect(!hasBody)
    }
  }

  @Test("RFC 9112 section 9.6: the last response says close, and nothing is read after it")
  func close() throws {
    var connection = ServerConnection()
    _ = try feed("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", to: &connection)
    #expect(respond(&connection).head.contains("\r\nConnection: close\r\n"))
    #expect(connection.server == .closed)
    #expect(connection.isReading == false)
  }

  @Test("RFC 9112 section 9.6: the server closes when it wants to") func serverCloses() throws {
    var connection = ServerConnection()
    _ = try feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n", to: &connection)
    #expect(respond(&connection, closing: true).head.contains("\r\nConnection: close\r\n"))
    #expect(connection.server == .closed)
  }

  @Test("RFC 9112 section 9.3: HTTP/1.0 is told keep-alive where it asked, else close")
  func http10() throws {
    var connection = ServerConnection()
    _ = try feed("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", to: &connection)
    let kept = respond(&connection).head
    #expect(kept.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(kept.contains("\r\nConnection: keep-alive\r\n"))
    _ = try feed("GET / HTTP/1.0\r\n\r\n", to: &connection)
    #expect(respond(&connection).head.contains("\r\nConnection: close\r\n"))
  }

  @Test("RFC 9110 section 10.1.1: 100 Continue, and only to HTTP/1.1") func interim() throws {
    var connection = ServerConnection()
    #expect(connection.allowsInterimResponse == false)
    _ = try feed(
      "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
      to: &connection)
    #expect(connection.allowsInterimResponse == true)
    var output: [UInt8] = []
    connection.writeContinue(to: &output)
    #expect(output == Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
    let events = try feed("hi", to: &connection)
    #expect(events == [.body(0..<2), .end(trailers: HTTPFields())])
    var old = ServerConnection()
    _ = try feed("POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n", to: &old)
    #expect(old.allowsInterimResponse == false)
  }

  @Test("a response before the end of the request closes") func early() throws {
    var connection = ServerConnection()
    _ = try feed("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhi", to: &connection)
    #expect(respond(&connection, 413).head.contains("\r\nConnection: close\r\n"))
    #expect(connection.isReading == false)
  }

  @Test("a refused request gets one response, which closes") func refusal() throws {
    var connection = ServerConnection()
    #expect(throws: RequestError.self) {
      try feed("GET / HTTP/1.1\nHost: x\r\n\r\n", to: &connection)
    }
    #expect(connection.client == .failed)
    #expect(respond(&connection, 400).head.contains("\r\nConnection: close\r\n"))
    #expect(connection.server == .closed)
  }

  @Test("RFC 9112 section 8: the end of input in a request is an error, between them it is not")
  func endOfInput() throws {
    var resting = ServerConnection()
    try resting.finishInput()
    #expect(resting.client == .closed)
    var cut = ServerConnection()
    _ = try feed("GET / HT", to: &cut)
    #expect(throws: RequestError.self) { try cut.finishInput() }
    #expect(cut.client == .failed)
  }

  @Test("RFC 9110 section 5.5: a value cannot end its line and forge another") func splitting()
    throws
  {
    var connection = ServerConnection()
    _ = try feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n", to: &connection)
    let (head, _) = respond(&connection, fields: [("X-Request-ID", "a\r\nSet-Cookie: b\u{0}c")])
    #expect(head.contains("\r\nX-Request-ID: a  Set-Cookie: b c\r\n"))
  }

  @Test("fields that frame the message come from the server alone") func framingFields() throws {
    var connection = ServerConnection()
    _ = try feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n", to: &connection)
    let fields = [
      ("content-length", "9"), ("TRANSFER-ENCODING", "chunked"), ("Connection", "upgrade"),
      ("Keep-Alive", "5"), ("Date", "never"), ("Server", "other"),
    ]
    let (head, _) = respond(&connection, fields: fields)
    #expect(head == "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 2\r\n\r\n")
  }

  @Test("RFC 9112 section 7.1: a body without a length goes out in chunks")
  func chunks() throws {
    var connection = ServerConnection()
    _ = try feed("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", to: &connection)
    let (head, hasBody) = respond(&connection, length: nil)
    #expect(head == "HTTP/1.1 200 OK\r\nServer: s\r\nTransfer-Encoding: chunked\r\n\r\n")
    #expect(hasBody && connection.server == .sending)
    // RFC 9110 section 15.2: an interim response precedes the final one.
    #expect(!connection.allowsInterimResponse && !connection.isReading)
    var output: [UInt8] = []
    connection.writePart(Array("{}\n".utf8), to: &output)
    connection.writePart([], to: &output)
    connection.writePart([UInt8](repeating: 0x20, count: 26), to: &output)
    connection.finishBody(to: &output)
    #expect(
      String(decoding: output, as: UTF8.self)
        == "3\r\n{}\n\r\n1a\r\n\(String(repeating: " ", count: 26))\r\n0\r\n\r\n")
    #expect(connection.isBetweenRequests == true)
  }

  @Test("RFC 9112 section 6.3: to HTTP/1.0 a body without a length ends with the connection")
  func unboundedToHTTP10() throws {
    var connection = ServerConnection()
    _ = try feed("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", to: &connection)
    let (head, hasBody) = respond(&connection, length: nil)
    #expect(head == "HTTP/1.1 200 OK\r\nServer: s\r\nConnection: close\r\n\r\n" && hasBody)
    var output: [UInt8] = []
    connection.writePart([0x61, 0x62], to: &output)
    connection.finishBody(to: &output)
    #expect(output == [0x61, 0x62] && connection.server == .closed)
  }

  @Test("a body without a length is left out for HEAD, and closes where the client wants that")
  func unboundedEnds() throws {
    var connection = ServerConnection()
    _ = try feed("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", to: &connection)
    #expect(!respond(&connection, length: nil).hasBody)
    #expect(connection.isBetweenRequests == true)
    _ = try feed("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", to: &connection)
    #expect(respond(&connection, length: nil).head.contains("\r\nConnection: close\r\n"))
    var output: [UInt8] = []
    connection.finishBody(to: &output)
    #expect(output == Array("0\r\n\r\n".utf8) && connection.server == .closed)
  }

  @Test("lengths are written in decimal", arguments: [0, 1, 9, 10, 99, 100, 12345, 33_554_432])
  func lengths(length: Int) throws {
    var connection = ServerConnection()
    _ = try feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n", to: &connection)
    let (head, _) = respond(&connection, length: length)
    #expect(head.contains("\r\nContent-Length: \(length)\r\n"))
  }

  @Test("the two machines have no transition besides those of their tables") func tables() {
    let client: [(ClientState, ClientState.Event, ClientState)] = [
      (.idle, .head, .sending), (.sending, .endOfRequest, .done), (.idle, .endOfInput, .closed),
      (.closed, .endOfInput, .closed), (.sending, .endOfInput, .failed),
      (.failed, .endOfInput, .failed), (.idle, .error, .failed), (.sending, .error, .failed),
      (.done, .nextCycle, .idle),
    ]
    for state in ClientState.allCases {
      for event in ClientState.Event.allCases {
        let expected = client.first { $0.0 == state && $0.1 == event }?.2
        #expect(state.after(event) == expected, "\(state) \(event)")
      }
    }
    let server: [(ServerState, ServerState.Event, ServerState)] = [
      (.idle, .requestHead, .owing), (.owing, .interimResponse, .owing), (.owing, .response, .done),
      (.idle, .lastResponse, .closed), (.owing, .lastResponse, .closed), (.done, .nextCycle, .idle),
      (.owing, .responseHead, .sending), (.sending, .response, .done),
      (.sending, .lastResponse, .closed),
    ]
    for state in ServerState.allCases {
      for event in ServerState.Event.allCases {
        let expected = server.first { $0.0 == state && $0.1 == event }?.2
        #expect(state.after(event) == expected, "\(state) \(event)")
      }
    }
  }
}
