import Foundation
import Testing

@testable import Observability

@Suite struct WallTimeTests {
  /// Foundation writes RFC 3339 as well; it cuts off what is below a millisecond.
  @Test(arguments: [
    (0, 0), (784_111_777, 250_000_000), (951_782_400, 999_999_999), (1_709_164_799, 4_000_000),
    (4_102_444_800, 1_000_000), (253_402_300_799, 0),
  ]) func textIsThatOfFoundation(seconds: Int, nanoseconds: Int) {
    let date = Date(
      timeIntervalSince1970: Double(seconds) + Double(nanoseconds / 1_000_000) / 1000 + 1e-4)
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    let time = WallTime(seconds: seconds, nanoseconds: nanoseconds)
    #expect(time.text == date.formatted(style))
    #expect(time.milliseconds == Int(date.timeIntervalSince1970 * 1000))
  }

  @Test func nowIsBetweenTwoLooksAtTheClock() {
    let before = Date().timeIntervalSince1970
    let now = WallTime.now.secondsSince1970
    let after = Date().timeIntervalSince1970
    #expect(before - 1e-3 <= now && now <= after + 1e-3)
  }
}
