import Foundation
import JSON
import Testing

@Suite struct Base64Tests {
  @Test(arguments: 0...100) func whatIsWrittenIsFoundationsAndIsReadAgain(count: Int) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ count) }
    let text = Base64.encode(bytes)
    #expect(text == Data(bytes).base64EncodedString())
    #expect(try Base64.decode(Array(text.utf8), in: 0..<text.utf8.count).get() == bytes)
  }
}
