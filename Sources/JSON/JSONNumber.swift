/// Reads the numbers of JSON (RFC 8259 section 6) from memory, the nearest float32 to each.
///
/// A decimal is gathered into 64 bits and brought to its power of ten in float64, at most three units
/// in the last place off. That settles the float32 unless the float64 lies within those units of the
/// middle between two: one number in some ten million, which is then read digit by digit. So every
/// result is the nearest there is, as after W. D. Clinger, "How to read floating point numbers
/// accurately" (1990), and most cost a few instructions a digit.
public enum JSONNumber {
  // Safety: each function takes a cursor and the end of the memory that it stands in, not before it, which the
  // caller keeps alive. One byte is read only where the same condition has found the cursor before the end, eight
  // only where the end is eight or more away; a cursor moves past bytes that were read, and no further.

  /// The length of the number that begins at an address; `nil` where none does.
  @unsafe static func length(
    _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) -> Int? {
    var cursor = unsafe start
    func isDigit() -> Bool { unsafe cursor < end && cursor.pointee &- 0x30 < 10 }
    func skipDigits() -> Bool {
      guard isDigit() else { return false }
      while isDigit() { unsafe cursor += 1 }
      return true
    }
    func take(_ bytes: UInt8...) -> Bool {
      guard unsafe cursor < end, unsafe bytes.contains(cursor.pointee) else { return false }
      unsafe cursor += 1
      return true
    }
    _ = take(UInt8(ascii: "-"))
    if take(UInt8(ascii: "0")) {
      if isDigit() { return nil }
    } else if !skipDigits() {
      return nil
    }
    if take(UInt8(ascii: ".")), !skipDigits() { return nil }
    if take(UInt8(ascii: "e"), UInt8(ascii: "E")) {
      _ = take(UInt8(ascii: "+"), UInt8(ascii: "-"))
      if !skipDigits() { return nil }
    }
    return unsafe cursor - start
  }

  /// Reads a number and moves behind it.
  ///
  /// - Returns: the number; `nil` where none begins there or it is too large for a float32.
  @inline(__always)
  @unsafe static func float(
    _ cursor: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) -> Float? {
    let start = unsafe cursor
    var p = unsafe cursor
    var isNegative = false
    if unsafe p < end, unsafe p.pointee == UInt8(ascii: "-") {
      isNegative = true
      unsafe p += 1
    }
    var digits = Digits()
    let integer = unsafe p
    unsafe digits.read(&p, end)
    let integerCount = unsafe p - integer
    // RFC 8259: at least one digit, and no zero before others.
    guard integerCount > 0, unsafe integerCount == 1 || integer.pointee != UInt8(ascii: "0") else {
      return nil
    }
    var exponent = digits.dropped
    if unsafe p < end, unsafe p.pointee == UInt8(ascii: ".") {
      unsafe p += 1
      let fraction = unsafe p
      unsafe digits.read(&p, end)
      guard unsafe p > fraction else { return nil }
      // Digits that were dropped behind the point count for nothing; those taken lower the power.
      exponent = unsafe digits.dropped - (p - fraction)
    }
    if unsafe p < end, unsafe p.pointee | 0x20 == UInt8(ascii: "e") {
      unsafe p += 1
      guard let power = unsafe Self.exponent(&p, end) else { return nil }
      exponent += power
    }
    unsafe cursor = p
    if digits.value == 0, digits.dropped == 0 { return isNegative ? -0.0 : 0 }
    if let value = nearest(digits, exponent) { return isNegative ? -value : value }
    return unsafe slowly(start, p)
  }

  /// The significant digits of a number.
  private struct Digits {
    var value: UInt64 = 0
    /// How many were taken, leading zeros among them.
    var count = 0
    /// How many there was no room for.
    var dropped = 0

    /// Takes digits as long as there are any.
    @inline(__always)
    @unsafe mutating func read(_ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) {
      // Eight at a time where they fit into 19 digits, which always fit into 64 bits.
      while count <= 11, unsafe end - p >= 8 {
        let chunk = unsafe UInt64(
          littleEndian: UnsafeRawPointer(p).loadUnaligned(as: UInt64.self))
        // A byte is a digit where neither adding 0x46 nor taking 0x30 away sets its highest bit.
        let high: UInt64 = 0x8080_8080_8080_8080
        let above = chunk &+ 0x4646_4646_4646_4646
        let below = chunk &- 0x3030_3030_3030_3030
        guard (above | below) & high == 0 else { break }
        // Pairs of digits, then of pairs, then of fours (D. Lemire, "Quickly parsing eight digits").
        var v = below &* 10 &+ (below >> 8)
        let mask: UInt64 = 0x0000_00FF_0000_00FF
        let first = (v & mask) &* 0x000F_4240_0000_0064
        let second = ((v >> 16) & mask) &* 0x0000_2710_0000_0001
        v = (first &+ second) >> 32
        value = value &* 100_000_000 &+ v
        count = value == 0 ? 0 : count &+ 8
        unsafe p += 8
      }
      while unsafe p < end {
        let digit = unsafe p.pointee &- 0x30
        guard digit < 10 else { break }
        if count < 19 {
          value = value &* 10 &+ UInt64(digit)
          count = value == 0 ? 0 : count &+ 1
        } else {
          dropped &+= 1
        }
        unsafe p += 1
      }
    }
  }

  /// Reads what stands behind `e`; a power beyond all floats stands for every greater one.
  @unsafe private static func exponent(
    _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) -> Int? {
    var isNegative = false
    if unsafe p < end, unsafe p.pointee == UInt8(ascii: "-") || p.pointee == UInt8(ascii: "+") {
      unsafe isNegative = p.pointee == UInt8(ascii: "-")
      unsafe p += 1
    }
    var power = 0
    let first = unsafe p
    while unsafe p < end {
      let digit = unsafe p.pointee &- 0x30
      guard digit < 10 else { break }
      power = min(power * 10 + Int(digit), 1 << 40)
      unsafe p += 1
    }
    guard unsafe p > first else { return nil }
    return isNegative ? -power : power
  }

  /// The float32 nearest to digits times a power of ten, where float64 settles it.
  @inline(__always)
  private static func nearest(_ digits: Digits, _ exponent: Int) -> Float? {
    // Powers of ten up to 22 are exact in float64. Leading zeros may have taken the place of digits
    // that were dropped: 17 that count make what is missing less than a unit.
    guard exponent >= -22, exponent <= 22,
      digits.dropped == 0 || digits.value >= 100_000_000_000_000_000
    else { return nil }
    let value = Double(digits.value)
    let scaled =
      exponent < 0 ? value / powersOfTen[-exponent] : value * powersOfTen[exponent]
    guard scaled >= 0x1p-126, scaled < 0x1p127 else { return nil }
    // The 29 bits that a float32 has no room for; half of the range is the middle of two floats.
    let rest = Int64(scaled.bitPattern & 0x1FFF_FFFF)
    guard abs(rest - 0x1000_0000) > 4 else { return nil }
    return Float(scaled)
  }

  private static let powersOfTen: InlineArray<23, Double> = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]

  /// The whole number that a number stands for, however it is written: `300`, `300.0` and `3e2` alike,
  /// as encoders write it that know floating point numbers only.
  ///
  /// - Parameter text: a number of JSON.
  /// - Returns: the number; `nil` where it has a fraction, or is beyond what a float64 tells from its
  ///   neighbours and not written as digits alone.
  public static func integer(_ text: String) -> Int? {
    if let value = Int(text) { return value }
    guard let value = Double(text), value.magnitude < 0x1p53 else { return nil }
    return Int(exactly: value)
  }

  @inline(never)
  @unsafe private static func slowly(
    _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) -> Float? {
    let text = unsafe String(
      decoding: UnsafeBufferPointer(start: start, count: end - start), as: UTF8.self)
    guard let value = Float(text), value.isFinite else { return nil }
    return value
  }
}
