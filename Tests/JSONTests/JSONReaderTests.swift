import Testing

@testable import JSON

/// Values other than arrays of numbers: texts, base64, objects, and where they are refused.
@Suite struct JSONReaderTests {
  @Test func stringsWithEscapesAreUnderstood() throws {
    var reader = JSONReader(Array(#""a\u00e9\ud83d\ude00\n\"\\\/b""#.utf8))
    #expect(try reader.text() == "aé😀\n\"\\/b")
    for text in [
      #""\x""#, #""\u12""#, #""\ud83d""#, #""\ud83dx""#, #""\udc00""#, "\"a\nb\"", "\"a",
    ] {
      var reader = JSONReader(Array(text.utf8))
      #expect(throws: JSONError.self) { try reader.text() }
    }
  }

  private func base64(_ text: String) throws -> [UInt8] {
    var reader = JSONReader(Array("\"\(text)\"".utf8))
    let bytes = try reader.base64()
    try reader.finish()
    return bytes
  }

  @Test(arguments: [
    "++//Zg==", "++\\/\\/Zg==", #"\u002b\u002B\u002f/Zg\u003D\u003d"#, "--__Zg",
    "++//\\r\\nZg==\\n",
    #"++//\t\u000aZ\u0067=="#, "data:;base64,++//Zg==", "DATA:image/jpeg;base64, ++//Zg== ",
    #"data:image\/png\u003bbase64\u002c++//Zg=="#, "data:image/png; charset=x; base64,  ++//Zg==",
    "  ++//Zg==",
  ])
  func base64IsReadHoweverItsTextIsEscaped(text: String) throws {
    #expect(try base64(text) == [0xFB, 0xEF, 0xFF, 0x66], "\(text)")
  }

  @Test(arguments: [
    "+ //Zg==", "++//Zg===", "++//Z", "Z===", #"++//\u00e9"#, #"++//\b"#, "++//=Zg",
    #"++//Zg\u003"#, "data:image/png,Zg==", "data:image/png;base64,Zg==,", "x,Zg==",
    #"++//\ud83d\ude00"#,
  ])
  func whatIsNotBase64IsRefused(text: String) {
    #expect(throws: JSONError.self, "\(text)") { try base64(text) }
  }

  @Test func theSameBytesComeOfEveryLength() throws {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    for count in 0..<48 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: 37 &* $0 &+ 200) }
      // RFC 4648 section 4, bit by bit.
      let bits = bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
      let digits = stride(from: 0, to: bits.count, by: 6).map { start in
        (0..<6).reduce(0) { $0 << 1 | Int(start + $1 < bits.count ? bits[start + $1] : 0) }
      }
      let text = String(decoding: digits.map { alphabet[$0] }, as: UTF8.self)
      let padding = String(repeating: "=", count: (4 - text.count % 4) % 4)
      #expect(try base64(text) == bytes)
      #expect(try base64(text + padding) == bytes)
    }
  }

  @Test func anErrorSaysWhereItIs() {
    let text = #"{"a":{"b":[1,{"c":tru}]}}"#
    var reader = JSONReader(Array(text.utf8))
    let error = #expect(throws: JSONError.self) { try reader.skip() }
    #expect(error?.offset == 18 && error?.path == ["a", "b", "1", "c"])
    #expect(error?.description == "at byte 18 in 'a.b.1.c': true or false should stand here")
  }

  @Test func limitsAreTheCallers() throws {
    let members = "{" + (0..<200).map { #""m\#($0)":0"# }.joined(separator: ",") + "}"
    var reader = JSONReader(Array(members.utf8))
    #expect(throws: JSONError.self) { try reader.skip() }
    reader = JSONReader(Array(members.utf8), limits: JSONLimits(members: 200))
    try reader.skip()
    let nested = String(repeating: "[", count: 17) + String(repeating: "]", count: 17)
    reader = JSONReader(Array(nested.utf8))
    #expect(throws: JSONError.self) { try reader.skip() }
    reader = JSONReader(Array(nested.utf8), limits: JSONLimits(depth: 17))
    try reader.skip()
    let long = "\"" + String(repeating: "x", count: 5000) + "\""
    reader = JSONReader(Array(long.utf8))
    #expect(throws: JSONError.self) { try reader.text() }
    reader = JSONReader(Array(long.utf8), limits: JSONLimits(textBytes: 5000))
    #expect(try reader.text().count == 5000)
  }
}
