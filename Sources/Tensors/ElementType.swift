/// The element types that checkpoints hold.
public enum ElementType: String, Sendable, CaseIterable {
  /// One byte, zero or one.
  case bool
  /// Signed integers.
  case int8, int16, int32, int64
  /// Unsigned integers.
  case uint8, uint16, uint32, uint64
  /// IEEE 754 binary floating point.
  case float16, float32, float64
  /// The upper half of a binary32.
  case bfloat16
  /// Eight-bit floating point: 4 exponent bits without infinities (`e4m3fn`), or 5 (`e5m2`).
  case float8e4m3fn, float8e5m2
  /// The same with one more in the bias, neither infinities nor a negative zero: that code is NaN.
  case float8e4m3fnuz, float8e5m2fnuz
  /// Eight bits of exponent and nothing else: a power of two from 2^-127 to 2^127, or NaN.
  case float8e8m0fnu

  /// The size of one element in bytes.
  public var byteCount: Int {
    switch self {
    case .bool, .int8, .uint8, .float8e4m3fn, .float8e5m2, .float8e4m3fnuz, .float8e5m2fnuz,
      .float8e8m0fnu:
      1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .int32, .uint32, .float32: 4
    case .int64, .uint64, .float64: 8
    }
  }

  /// Whether the elements are floating-point numbers, of whatever width.
  public var isFloatingPoint: Bool {
    switch self {
    case .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64: false
    case .float16, .float32, .float64, .bfloat16, .float8e4m3fn, .float8e5m2, .float8e4m3fnuz,
      .float8e5m2fnuz, .float8e8m0fnu:
      true
    }
  }
}
