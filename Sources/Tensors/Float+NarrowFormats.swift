// The floating-point formats that Swift has no fast type for on baseline x86-64: its own `Float16`
// calls the runtime for each conversion there. Each function is a few operations on bits without a
// branch, which the compiler turns into vector code.

extension Float {
  /// The value of an IEEE 754 binary16, given by its bits.
  init(float16Bits half: UInt16) {
    let sign = UInt32(half & 0x8000) << 16
    let magnitude = UInt32(half & 0x7FFF)
    // Moving exponent and fraction up by 13 bits leaves the exponent 112 too small; multiplying by
    // 2^112 mends it, subnormals included. Infinities and NaN get their full exponent back.
    let scaled = Float(bitPattern: magnitude << 13) * Float(bitPattern: (127 + 112) << 23)
    let special: UInt32 = magnitude >= 0x7C00 ? 0x7F80_0000 : 0
    self.init(bitPattern: scaled.bitPattern | special | sign)
  }

  /// The value of a bfloat16, given by its bits: the upper half of a binary32.
  init(bfloat16Bits bits: UInt16) {
    self.init(bitPattern: UInt32(bits) << 16)
  }

  /// The value of an 8-bit float with 4 exponent bits, bias 7, no infinities, NaN at 0x7F and 0xFF.
  init(float8e4m3fnBits bits: UInt8) {
    self.init(float8Bits: bits, fractionBits: 3, bias: 7)
    if bits & 0x7F == 0x7F { self = .nan }
  }

  /// The value of an 8-bit float with 4 exponent bits, bias 8, no infinities, NaN at 0x80.
  init(float8e4m3fnuzBits bits: UInt8) {
    self.init(float8Bits: bits, fractionBits: 3, bias: 8)
    if bits == 0x80 { self = .nan }
  }

  /// The value of an 8-bit float with 5 exponent bits, bias 15: the upper half of a binary16.
  init(float8e5m2Bits bits: UInt8) {
    self.init(float16Bits: UInt16(bits) << 8)
  }

  /// The value of an 8-bit float with 5 exponent bits, bias 16, no infinities, NaN at 0x80.
  init(float8e5m2fnuzBits bits: UInt8) {
    self.init(float8Bits: bits, fractionBits: 2, bias: 16)
    if bits == 0x80 { self = .nan }
  }

  /// The value of eight bits of exponent: 2^(bits - 127), NaN at 0xFF.
  init(float8e8m0fnuBits bits: UInt8) {
    // 2^-127 is below the normal numbers of binary32: half of the smallest.
    self.init(bitPattern: bits == 0 ? 0x0040_0000 : UInt32(bits) << 23)
    if bits == 0xFF { self = .nan }
  }

  private init(float8Bits bits: UInt8, fractionBits: UInt32, bias: UInt32) {
    // As for binary16: move exponent and fraction up, then mend the exponent's bias by a product.
    let magnitude = UInt32(bits & 0x7F) << (23 - fractionBits)
    let scaled = Float(bitPattern: magnitude) * Float(bitPattern: (127 + 127 - bias) << 23)
    self.init(bitPattern: scaled.bitPattern | UInt32(bits & 0x80) << 24)
  }

  /// The bits of the nearest IEEE 754 binary16, ties to even; infinite from 65520 up.
  var float16Bits: UInt16 {
    let sign = UInt16(truncatingIfNeeded: bitPattern >> 16) & 0x8000
    let magnitude = bitPattern & 0x7FFF_FFFF
    if magnitude >= 0x4780_0000 {
      // 65536 and more, infinities and NaN. A NaN keeps the upper bits of its payload and is quiet.
      guard magnitude > 0x7F80_0000 else { return sign | 0x7C00 }
      return sign | 0x7E00 | UInt16(truncatingIfNeeded: magnitude >> 13) & 0x1FF
    }
    if magnitude < 0x3880_0000 {
      // Subnormal in binary16: adding 0.5 puts 2^-24 at the last place, and the sum rounds.
      let sum = Float(bitPattern: magnitude) + 0.5
      return sign | UInt16(truncatingIfNeeded: sum.bitPattern &- 0x3F00_0000)
    }
    // Rounding up may carry into the exponent, and from 65520 on into infinity, as it should.
    let rounded = magnitude &+ 0xFFF &+ (magnitude >> 13 & 1)
    return sign | UInt16(truncatingIfNeeded: (rounded &- 112 << 23) >> 13)
  }

  /// The bits of the nearest bfloat16, ties to even.
  var bfloat16Bits: UInt16 {
    guard !isNaN else { return UInt16(truncatingIfNeeded: bitPattern >> 16) | 0x0040 }
    let rounded = bitPattern &+ 0x7FFF &+ (bitPattern >> 16 & 1)
    return UInt16(truncatingIfNeeded: rounded >> 16)
  }
}
