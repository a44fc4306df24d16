import Foundation
import JSON
import Testing

/// What the writer writes, read back by Foundation's parser, which is not ours.
@Suite struct JSONWriterTests {
  private func read(_ bytes: [UInt8]) throws -> Any {
    try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
  }

  @Test func stringsSurviveJSON() throws {
    let texts = ["", "a\"b\\c/", "\u{0}\u{1}\u{1F}\u{7F}", "\r\n\t", "é𝄞\u{2028}", "</script>"]
    for text in texts {
      var json = JSONWriter()
      json.string(text)
      #expect(try read(json.bytes) as? String == text)
    }
  }

  @Test func numbersAreTheShortestThatReadBack() throws {
    let numbers: [(Float, String)] = [
      (0, "0"), (1, "1"), (-2.5, "-2.5"), (0.1, "0.1"), (1 / 3, "0.33333334"), (1e-9, "1e-09"),
      (640, "640"), (16_777_216, "16777216"), (1e20, "1e+20"), (-0.0, "-0"),
      (.leastNonzeroMagnitude, "1e-45"), (.greatestFiniteMagnitude, "3.4028235e+38"),
    ]
    for (number, text) in numbers {
      var json = JSONWriter()
      json.number(number)
      #expect(String(decoding: json.bytes, as: UTF8.self) == text)
      #expect(try (read(json.bytes) as? Double).map { Float($0) } == number)
    }
  }

  @Test func commasStandBetweenValuesOnly() {
    var json = JSONWriter()
    json.beginObject()
    json.key("a")
    json.beginArray()
    json.integer(1)
    json.beginArray()
    json.endArray()
    json.beginObject()
    json.endObject()
    json.null()
    json.endArray()
    json.key("b")
    json.boolean(true)
    json.key("c")
    json.number(formatted: "1.230")
    json.member("d", nil as Int?)
    json.member("e", 2)
    json.member("f", "g")
    json.member("h", 0.5)
    json.member("i", false)
    json.member("j", [3, 4])
    json.member("k", ["l", "m"])
    json.object("n") { $0.member("o", true) }
    json.endObject()
    #expect(
      String(decoding: json.bytes, as: UTF8.self)
        == ##"{"a":[1,[],{},null],"b":true,"c":1.230,"d":null,"e":2,"f":"g","h":0.5,"i":false,"##
        + ##""j":[3,4],"k":["l","m"],"n":{"o":true}}"##)
  }

  @Test func whatJSONCannotHoldIsNullAndToldOf() {
    var json = JSONWriter()
    json.number(.nan)
    #expect(json.bytes == Array("null".utf8) && json.hasNonFiniteNumber)
  }
}
