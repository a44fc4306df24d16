/// The time as HTTP writes it, without a clock of its own (RFC 9110 section 5.6.7).
public enum HTTPDate {
  private static let days: [StaticString] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months: [StaticString] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// A time as `IMF-fixdate`: `Sun, 06 Nov 1994 08:49:37 GMT`.
  ///
  /// - Parameter seconds: seconds since 1970-01-01 00:00 UTC, up to the end of the year 9999.
  /// - Returns: 29 characters.
  public static func text(secondsSince1970 seconds: Int) -> String {
    precondition(
      (0..<253_402_300_800).contains(seconds), "\(seconds) s is outside the years 1970 to 9999")
    let day = seconds / 86_400
    let second = seconds % 86_400
    let (year, month, dayOfMonth) = civil(day: day)
    // 1970-01-01 was a Thursday.
    return "\(days[day % 7]), \(padded(dayOfMonth)) \(months[month - 1]) \(year) "
      + "\(padded(second / 3600)):\(padded(second / 60 % 60)):\(padded(second % 60)) GMT"
  }

  private static func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  /// The Gregorian date of a day counted from 1970-01-01, after Howard Hinnant,
  /// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
  ///
  /// Years start in March there, so that the leap day is the last of its year.
  private static func civil(day: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = day + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let dayOfMonth = dayOfYear - (153 * marchMonth + 2) / 5 + 1
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfMonth)
  }
}
