import Glibc
import HTTP1
import Testing

@Suite struct HTTPDateTests {
  @Test("RFC 9110 section 5.6.7: the example of the RFC") func example() {
    #expect(
      HTTPDate.text(secondsSince1970: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
  }

  @Test("the C library writes the same, over four centuries and all leap years") func library() {
    // 9 days, 7 hours and some: comes by every month, day of the week and hour.
    for seconds in stride(from: 0, to: 12_622_780_800, by: 805_147) {
      var time = time_t(seconds)
      var parts = unsafe tm()
      unsafe gmtime_r(&time, &parts)
      var buffer = [CChar](repeating: 0, count: 64)
      let count = unsafe strftime(&buffer, buffer.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
      let expected = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
      #expect(HTTPDate.text(secondsSince1970: seconds) == expected)
    }
  }
}
