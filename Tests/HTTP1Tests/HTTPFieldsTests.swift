import HTTP1
import Testing

@Suite struct HTTPFieldsTests {
  @Test("RFC 9110 section 5.1: names compare without regard to case") func names() {
    var fields = HTTPFields()
    fields.append("Content-Type", "image/png")
    #expect(fields["content-type"] == "image/png")
    #expect(fields["CONTENT-TYPE"] == "image/png")
    #expect(fields["Content-Typ"] == nil)
    #expect(fields["Content_Type"] == nil)
  }

  @Test("only letters have a case: brackets and braces differ by the same bit") func notLetters() {
    var fields = HTTPFields()
    fields.append("a^", "1")
    #expect(fields["A^"] == "1")
    #expect(fields["a~"] == nil)
  }

  @Test("lines of one name keep their order, and setting replaces them all") func lines() {
    var fields = HTTPFields()
    fields.append("A", "1")
    fields.append("B", "2")
    fields.append("a", "3")
    #expect(fields.values(of: "A") == ["1", "3"])
    fields["A"] = "4"
    #expect(fields.lines.map(\.value) == ["2", "4"])
    fields["b"] = nil
    #expect(fields.lines.map(\.name) == ["A"])
  }
}
