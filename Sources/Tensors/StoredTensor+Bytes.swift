extension StoredTensor {
  /// The elements' bytes in row-major order without gaps, little-endian.
  public func contiguousBytes() -> [UInt8] {
    let size = elementType.byteCount
    return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initializedCount in
      unsafe storage.withUnsafeBytes { bytes in
        forEachRun { run in
          // Safety: `init` checked that the elements lie in the storage; the array has room for
          // `byteCount` bytes, and a run ends at most there.
          guard
            let source = unsafe bytes.baseAddress?.advanced(by: run.byteOffset),
            let target = unsafe buffer.baseAddress?.advanced(by: run.index * size)
          else { return }
          if run.stride == 1 {
            unsafe UnsafeMutableRawPointer(target).copyMemory(
              from: source, byteCount: run.count * size)
          } else {
            for index in 0..<run.count {
              unsafe UnsafeMutableRawPointer(target + index * size).copyMemory(
                from: source + index * run.stride * size, byteCount: size)
            }
          }
        }
      }
      initializedCount = byteCount
    }
  }

  /// The elements' bytes in row-major order as another floating-point type, rounded to nearest,
  /// ties to even.
  ///
  /// Only `float32`, `float16` and `bfloat16` can be asked for; anything else traps. A value beyond
  /// the type's range becomes infinite; float64 is rounded to float32 first.
  ///
  /// - Parameter target: the type wanted.
  /// - Returns: `target.byteCount` bytes for each element.
  public func contiguousBytes(as target: ElementType) -> [UInt8] {
    if target == elementType { return contiguousBytes() }
    switch target {
    case .float32: return unsafe float32Values().withUnsafeBytes { unsafe [UInt8]($0) }
    case .float16: return narrowed { $0.float16Bits }
    case .bfloat16: return narrowed { $0.bfloat16Bits }
    default: preconditionFailure("elements cannot be converted to \(target)")
    }
  }

  @inline(__always)
  private func narrowed(_ transform: (Float) -> UInt16) -> [UInt8] {
    unsafe withFloat32Values { values in
      unsafe [UInt8](unsafeUninitializedCapacity: values.count * 2) { buffer, initializedCount in
        // Safety: two bytes are written for each value, and there is room for so many.
        let bytes = UnsafeMutableRawBufferPointer(buffer)
        for index in values.indices {
          unsafe bytes.storeBytes(
            of: transform(values[index]), toByteOffset: index * 2, as: UInt16.self)
        }
        initializedCount = values.count * 2
      }
    }
  }
}
