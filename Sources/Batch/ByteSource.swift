internal import Files
internal import Glibc

/// The bytes of a descriptor in order, read in blocks.
struct ByteSource: ~Copyable {
  private let descriptor: Int32
  private let isOwned: Bool
  private var block: [UInt8] = []
  private var position = 0

  /// Reads an open descriptor, which stays open.
  init(descriptor: Int32) {
    self.descriptor = descriptor
    isOwned = false
  }

  /// Opens a file.
  init(_ name: FileName) throws(BatchError) {
    descriptor = unsafe name.withPath { unsafe open($0, O_RDONLY | O_CLOEXEC) }
    isOwned = true
    guard descriptor >= 0 else {
      throw BatchError(.missingInput, "cannot open \(name): \(SystemMessage.text())")
    }
  }

  deinit {
    if isOwned, descriptor >= 0 { close(descriptor) }
  }

  /// The bytes up to the next of a kind, without it; `nil` at the end.
  ///
  /// - Parameters:
  ///   - separator: what ends them.
  ///   - limit: the most bytes that are taken.
  /// - Returns: the bytes, and whether the separator was there.
  /// - Throws: `BatchError` where there are more bytes, or they cannot be read.
  mutating func read(
    upTo separator: UInt8, limit: Int
  ) throws(BatchError) -> (bytes: [UInt8], isWhole: Bool)? {
    var result: [UInt8] = []
    while true {
      guard try hasMore() else {
        return result.isEmpty ? nil : (result, false)
      }
      let end = block[position...].firstIndex(of: separator)
      result += block[position..<(end ?? block.count)]
      position = end.map { $0 + 1 } ?? block.count
      guard result.count <= limit else {
        throw BatchError(
          .brokenInput, "a line has more than \(limit) bytes, the most that are taken")
      }
      if end != nil { return (result, true) }
    }
  }

  /// So many bytes, or fewer at the end.
  mutating func read(count: Int) throws(BatchError) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(count)
    while result.count < count, try hasMore() {
      let part = block[position..<min(block.count, position + count - result.count)]
      result += part
      position = part.endIndex
    }
    return result
  }

  /// Passes over so many bytes; fewer at the end.
  mutating func skip(_ count: Int) throws(BatchError) {
    var left = count
    while left > 0, try hasMore() {
      let step = min(left, block.count - position)
      position += step
      left -= step
    }
  }

  /// Whether there is a byte that was not taken, read for it where it has to be.
  private mutating func hasMore() throws(BatchError) -> Bool {
    if position < block.count { return true }
    return try refill()
  }

  /// Reads the next block; `false` at the end.
  private mutating func refill() throws(BatchError) -> Bool {
    position = 0
    let descriptor = self.descriptor
    var count = 0
    block = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, initialized in
      // Safety: no more is read than the buffer has room for, and as much of it counts as was read.
      repeat {
        count = unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      } while count < 0 && errno == EINTR
      initialized = max(count, 0)
    }
    guard count >= 0 else {
      throw BatchError(.missingInput, "cannot read: \(SystemMessage.text())")
    }
    return count > 0
  }
}
