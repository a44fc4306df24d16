import HTTP1
import HTTPServer
import Testing

@Suite struct ExchangeTests {
  @Test func answersOneRequestAfterAnotherOnOneConnection() async throws {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      for path in ["/one", "/two", "/three"] {
        try client.send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
        let response = try client.receiveResponse()
        #expect(response.status == 200)
        #expect(response.text == path)
        #expect(response.fields["server"] == "frcnn")
        #expect(response.fields["date"]?.hasSuffix(" GMT") == true)
        #expect(response.fields["connection"] == nil)
        #expect(response.fields["content-length"] == "\(path.utf8.count)")
      }
    }
  }

  @Test func answersFromAnotherThread() async throws {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      for _ in 0..<3 {
        try client.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try client.receiveResponse().text == "later")
      }
    }
  }
}
