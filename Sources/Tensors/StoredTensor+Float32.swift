extension StoredTensor {
  /// The elements as float32 in row-major order, converted and made contiguous.
  ///
  /// Integers and float64 are rounded to the nearest float32; `bool` becomes 0 or 1.
  public func float32Values() -> [Float] {
    unsafe [Float](unsafeUninitializedCapacity: shape.count) { buffer, initializedCount in
      unsafe writeFloat32(into: buffer)
      initializedCount = shape.count
    }
  }

  /// The elements as a float32 tensor.
  public func float32Tensor() -> Tensor {
    Tensor(shape: shape, values: float32Values())
  }

  /// Calls a closure with the elements as contiguous float32, without a copy where the storage
  /// already holds them so.
  public func withFloat32Values<Result>(
    _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    if elementType == .float32, isContiguous, byteOffset.isMultiple(of: 4) {
      return try unsafe storage.withUnsafeBytes { bytes in
        // Safety: `init` checked that `byteCount` bytes lie behind `byteOffset`; the base of a
        // storage is aligned to at least 16 bytes, so an offset that is a multiple of 4 is aligned.
        let slice = unsafe UnsafeRawBufferPointer(
          rebasing: bytes[byteOffset..<byteOffset + byteCount])
        guard
          Int(bitPattern: slice.baseAddress) % MemoryLayout<Float>.alignment == 0
        else {
          return try unsafe float32Values().withUnsafeBufferPointer(body)
        }
        return try unsafe body(slice.assumingMemoryBound(to: Float.self))
      }
    }
    return try unsafe float32Values().withUnsafeBufferPointer(body)
  }

  /// Writes the elements as float32 in row-major order.
  ///
  /// - Parameter destination: room for at least `shape.count` elements; traps on less.
  public func writeFloat32(into destination: UnsafeMutableBufferPointer<Float>) {
    precondition(destination.count >= shape.count, "\(destination.count) < \(shape.count)")
    switch elementType {
    case .bool: unsafe convert(UInt8.self, into: destination) { $0 == 0 ? 0 : 1 }
    case .uint8: unsafe convert(UInt8.self, into: destination) { Float($0) }
    case .int8: unsafe convert(Int8.self, into: destination) { Float($0) }
    case .uint16: unsafe convert(UInt16.self, into: destination) { Float($0) }
    case .int16: unsafe convert(Int16.self, into: destination) { Float($0) }
    case .uint32: unsafe convert(UInt32.self, into: destination) { Float($0) }
    case .int32: unsafe convert(Int32.self, into: destination) { Float($0) }
    case .uint64: unsafe convert(UInt64.self, into: destination) { Float($0) }
    case .int64: unsafe convert(Int64.self, into: destination) { Float($0) }
    case .float64: unsafe convert(Double.self, into: destination) { Float($0) }
    case .float32: unsafe convert(Float.self, into: destination) { $0 }
    case .float16: unsafe convert(UInt16.self, into: destination) { Float(float16Bits: $0) }
    case .bfloat16:
      unsafe convert(UInt16.self, into: destination) { Float(bitPattern: UInt32($0) << 16) }
    case .float8e4m3fn:
      unsafe convert(UInt8.self, into: destination) { Float(float8e4m3fnBits: $0) }
    case .float8e5m2:
      unsafe convert(UInt8.self, into: destination) { Float(float16Bits: UInt16($0) << 8) }
    }
  }

  /// Visits the elements in row-major order, whatever the strides are.
  private func convert<Element: BitwiseCopyable>(
    _ type: Element.Type, into destination: UnsafeMutableBufferPointer<Float>,
    _ transform: (Element) -> Float
  ) {
    guard shape.count > 0 else { return }
    unsafe storage.withUnsafeBytes { bytes in
      // Safety: `init` checked that the element at every index of the shape lies in the storage,
      // and the caller that `destination` has room for all of them.
      let size = MemoryLayout<Element>.size
      if isContiguous {
        for index in 0..<shape.count {
          unsafe destination[index] = transform(
            bytes.loadUnaligned(fromByteOffset: byteOffset + index * size, as: type))
        }
        return
      }
      var position = [Int](repeating: 0, count: shape.rank)
      var offset = 0
      for index in 0..<shape.count {
        unsafe destination[index] = transform(
          bytes.loadUnaligned(fromByteOffset: byteOffset + offset * size, as: type))
        var axis = shape.rank - 1
        while axis >= 0 {
          position[axis] += 1
          offset += strides[axis]
          if position[axis] < shape[axis] { break }
          offset -= position[axis] * strides[axis]
          position[axis] = 0
          axis -= 1
        }
      }
    }
  }
}

extension Float {
  /// The value of an IEEE 754 binary16, given by its bits.
  ///
  /// Swift's own `Float16` calls the runtime for each conversion on baseline x86-64; these few
  /// integer operations vectorise.
  init(float16Bits half: UInt16) {
    let sign = UInt32(half & 0x8000) << 16
    let magnitude = UInt32(half & 0x7FFF)
    // Moving exponent and fraction up by 13 bits leaves the exponent 112 too small; multiplying by
    // 2^112 mends it, subnormals included. Infinities and NaN get their full exponent back.
    let scaled = Float(bitPattern: magnitude << 13) * Float(bitPattern: (127 + 112) << 23)
    let special: UInt32 = magnitude >= 0x7C00 ? 0x7F80_0000 : 0
    self.init(bitPattern: scaled.bitPattern | special | sign)
  }

  /// The value of an 8-bit float with 4 exponent bits, bias 7, no infinities, NaN at 0x7F.
  init(float8e4m3fnBits bits: UInt8) {
    guard bits & 0x7F != 0x7F else {
      self = .nan
      return
    }
    let sign = UInt32(bits & 0x80) << 24
    // As above: the exponent's bias is 120 too small after the move.
    let scaled =
      Float(bitPattern: UInt32(bits & 0x7F) << 20) * Float(bitPattern: (127 + 120) << 23)
    self.init(bitPattern: scaled.bitPattern | sign)
  }
}
