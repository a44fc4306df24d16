internal import HTTP1
internal import Synchronization
internal import Tensors

/// The names of requests, which tie an answer to its line in the log.
enum RequestIdentifier {
  static let field = "X-Request-ID"

  /// The longest identifier that is taken over from a client.
  static let maximumLength = 128

  /// What the client calls the request, or a name that is made up.
  ///
  /// A client's name is taken where it can stand in a header, a URN and a log line alike: letters,
  /// digits and `-._~:`. Another one is no reason to refuse a request.
  static func identifier(in fields: HTTPFields) -> String {
    let values = fields.values(of: field)
    guard values.count == 1, (1...maximumLength).contains(values[0].utf8.count),
      values[0].utf8.allSatisfy(isAllowed)
    else { return random() }
    return values[0]
  }

  /// 128 bits in hexadecimal that no other request has.
  ///
  /// Two counters that began at random, each mixed (SplitMix64): they name requests and keep no secret.
  /// To ask the kernel for random bits each time would be a tenth of what a probe costs.
  static func random() -> String {
    let number = count.add(1, ordering: .relaxed).oldValue &* SplitMix64.step
    let halves = (
      SplitMix64.mixed(starts.0 &+ number), SplitMix64.mixed(starts.1 &+ number)
    )
    return unsafe String(unsafeUninitializedCapacity: 32) { text in
      // Safety: there is room for the 32 digits that are written.
      for index in 0..<32 {
        let half = index < 16 ? halves.0 : halves.1
        let digit = UInt8(truncatingIfNeeded: half >> UInt64(60 - 4 * (index & 15))) & 15
        unsafe text[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
      }
      return 32
    }
  }

  private static let count = Atomic<UInt64>(0)

  private static let starts: (UInt64, UInt64) = {
    var generator = SystemRandomNumberGenerator()
    return (generator.next(), generator.next())
  }()

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: ":"):
      true
    default: false
    }
  }
}
