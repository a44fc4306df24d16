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

  /// The size of one element in bytes.
  public var byteCount: Int {
    switch self {
    case .bool, .int8, .uint8, .float8e4m3fn, .float8e5m2: 1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .int32, .uint32, .float32: 4
    case .int64, .uint64, .float64: 8
    }
  }
}
