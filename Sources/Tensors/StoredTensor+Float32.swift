internal import Glibc

extension StoredTensor {
  /// A tensor of its own storage, copied.
  public init(_ tensor: Tensor) {
    let bytes = unsafe tensor.values.withUnsafeBytes { unsafe [UInt8]($0) }
    guard
      let stored = StoredTensor(
        elementType: .float32, shape: tensor.shape, storage: ByteStorage(copying: bytes),
        byteOffset: 0)
    else { preconditionFailure("a tensor's values fill its shape") }
    self = stored
  }

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
          return try unsafe withConvertedValues(body)
        }
        return try unsafe body(slice.assumingMemoryBound(to: Float.self))
      }
    }
    return try unsafe withConvertedValues(body)
  }

  /// From how many elements on a conversion has pages of its own.
  private static let pagedCount = 1 << 18

  /// The same with a copy, which goes back to the system when the closure is done.
  ///
  /// An allocator keeps what it was given back, on the thread that gave it: the copy of a large layer would stay for
  /// as long as the process, one for each model that was ever loaded.
  private func withConvertedValues<Result>(
    _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    let byteCount = 4 * shape.count
    guard shape.count >= Self.pagedCount,
      let pages = unsafe mmap(
        nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      unsafe pages != MAP_FAILED
    else { return try unsafe float32Values().withUnsafeBufferPointer(body) }
    defer { unsafe _ = munmap(pages, byteCount) }
    // Safety: `byteCount` bytes were mapped, and are for the closure alone until it is done.
    let values = unsafe UnsafeMutableBufferPointer(
      start: pages.bindMemory(to: Float.self, capacity: shape.count), count: shape.count)
    unsafe writeFloat32(into: values)
    return try unsafe body(UnsafeBufferPointer(values))
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
    case .bfloat16: unsafe convert(UInt16.self, into: destination) { Float(bfloat16Bits: $0) }
    case .float8e4m3fn:
      unsafe convert(UInt8.self, into: destination) { Float(float8e4m3fnBits: $0) }
    case .float8e4m3fnuz:
      unsafe convert(UInt8.self, into: destination) { Float(float8e4m3fnuzBits: $0) }
    case .float8e5m2:
      unsafe convert(UInt8.self, into: destination) { Float(float8e5m2Bits: $0) }
    case .float8e5m2fnuz:
      unsafe convert(UInt8.self, into: destination) { Float(float8e5m2fnuzBits: $0) }
    case .float8e8m0fnu:
      unsafe convert(UInt8.self, into: destination) { Float(float8e8m0fnuBits: $0) }
    }
  }

  /// Writes the elements in row-major order, whatever the strides are.
  @inline(__always)
  private func convert<Element: BitwiseCopyable>(
    _ type: Element.Type, into destination: UnsafeMutableBufferPointer<Float>,
    _ transform: (Element) -> Float
  ) {
    let size = MemoryLayout<Element>.size
    unsafe storage.withUnsafeBytes { bytes in
      forEachRun { run in
        // Safety: `init` checked that the element at every index of the shape lies in the storage,
        // and `writeFloat32` that `destination` has room for all of them; a run stays within both.
        guard
          let source = unsafe bytes.baseAddress?.advanced(by: run.byteOffset),
          let target = unsafe destination.baseAddress?.advanced(by: run.index)
        else { return }
        if run.stride == 1 {
          for index in 0..<run.count {
            unsafe target[index] = transform(
              source.loadUnaligned(fromByteOffset: index &* size, as: type))
          }
        } else {
          let step = run.stride * size
          for index in 0..<run.count {
            unsafe target[index] = transform(
              source.loadUnaligned(fromByteOffset: index &* step, as: type))
          }
        }
      }
    }
  }
}
