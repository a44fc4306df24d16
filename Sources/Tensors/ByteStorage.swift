/// Bytes that tensors are views of: mapped, copied or adopted.
///
/// They are never written once the storage exists.
///
/// The bytes live as long as the last reference, which is what lets a `StoredTensor` point into a
/// mapped checkpoint without a copy.
@safe public final class ByteStorage: @unchecked Sendable {
  // Sendable: the bytes are immutable from `init` to `deinit`.

  /// The bytes; valid only while a reference to this storage is held.
  @unsafe public let bytes: UnsafeRawBufferPointer

  private let release: @Sendable (UnsafeRawBufferPointer) -> Void

  /// Whether the bytes are a file's, so that their pages can be read again.
  public let isFileMapping: Bool

  /// Adopts memory that stays valid and unwritten until `release` is called with it.
  @unsafe public convenience init(
    adopting bytes: UnsafeRawBufferPointer,
    release: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
  ) {
    unsafe self.init(adopting: bytes, isFileMapping: false, release: release)
  }

  @unsafe init(
    adopting bytes: UnsafeRawBufferPointer, isFileMapping: Bool,
    release: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
  ) {
    unsafe self.bytes = bytes
    self.isFileMapping = isFileMapping
    unsafe self.release = release
  }

  /// Copies bytes into memory aligned to 64 bytes (a cache line, and a vector register).
  public convenience init(copying source: [UInt8]) {
    let copy = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(source.count, 1), alignment: 64)
    unsafe source.withUnsafeBytes { unsafe copy.copyMemory(from: $0) }
    // Safety: the block is freed once, in `deinit`, through its own base address.
    unsafe self.init(adopting: UnsafeRawBufferPointer(rebasing: copy[..<source.count])) { bytes in
      unsafe bytes.baseAddress?.deallocate()
    }
  }

  /// Makes `count` bytes, aligned to 64, that a closure fills; it must write every one of them.
  public convenience init<Failure: Error>(
    count: Int, filling fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) {
    precondition(count >= 0, "\(count) bytes")
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 64)
    do {
      unsafe try fill(UnsafeMutableRawBufferPointer(rebasing: block[..<count]))
    } catch {
      unsafe block.deallocate()
      throw error
    }
    // Safety: as above, the block is freed once, in `deinit`, through its own base address.
    unsafe self.init(adopting: UnsafeRawBufferPointer(rebasing: block[..<count])) { bytes in
      unsafe bytes.baseAddress?.deallocate()
    }
  }

  deinit {
    unsafe release(bytes)
  }

  /// The number of bytes.
  public var count: Int { unsafe bytes.count }

  /// Calls a closure with the bytes, which stay valid until it returns.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // The storage outlives the call: `self` is held by the caller for its length.
    defer { withExtendedLifetime(self) {} }
    return try unsafe body(bytes)
  }
}
