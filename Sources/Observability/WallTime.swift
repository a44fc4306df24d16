internal import Glibc

/// A moment by the clock that people set, for those who read it; what is measured is `ContinuousClock`'s.
public struct WallTime: Sendable, Hashable {
  /// Seconds since 1970-01-01 00:00 UTC.
  private let seconds: Int

  /// Nanoseconds of the second that has begun.
  private let nanoseconds: Int

  /// A moment so long after 1970-01-01 00:00 UTC.
  init(seconds: Int, nanoseconds: Int) { (self.seconds, self.nanoseconds) = (seconds, nanoseconds) }

  /// The moment of the call.
  public static var now: WallTime {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return WallTime(seconds: time.tv_sec, nanoseconds: time.tv_nsec)
  }

  /// Whole milliseconds since 1970-01-01 00:00 UTC.
  public var milliseconds: Int { seconds * 1000 + nanoseconds / 1_000_000 }

  /// Seconds since 1970-01-01 00:00 UTC, with their fraction.
  public var secondsSince1970: Double { Double(seconds) + Double(nanoseconds) / 1e9 }

  /// As RFC 3339 has it, to the millisecond that has begun, in UTC: `1994-11-06T08:49:37.250Z`.
  public var text: String {
    var time = seconds
    // Safety: the function writes `parts`, whose text of the zone is not read.
    var parts = unsafe tm()
    unsafe gmtime_r(&time, &parts)
    let date = unsafe [(parts.tm_year + 1900, 4), (parts.tm_mon + 1, 2), (parts.tm_mday, 2)]
    let clock = unsafe [(parts.tm_hour, 2), (parts.tm_min, 2), (parts.tm_sec, 2)]
    return Self.digits(date, "-") + "T" + Self.digits(clock, ":") + "."
      + Self.digits([(Int32(nanoseconds / 1_000_000), 3)], "") + "Z"
  }

  /// Numbers of so many digits at least.
  private static func digits(_ numbers: [(Int32, count: Int)], _ separator: String) -> String {
    numbers.map { number, count in
      let text = String(number)
      return String(repeating: "0", count: max(count - text.count, 0)) + text
    }.joined(separator: separator)
  }
}
