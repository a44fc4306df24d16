import Tensors

/// The directory of a zip file, checked against the file.
///
/// Only the central directory is believed: it says where each entry is and how large. Entries must
/// lie before it and must not share bytes; local headers must agree on name and method. Zip64 and
/// data descriptors are understood; encryption, several disks and methods other than stored and
/// deflated are refused.
///
/// Source: PKWARE APPNOTE 6.3.10, section 4.3.
struct ZipArchive {
  /// How an entry's bytes are kept.
  enum Method: UInt16 {
    case stored = 0
    case deflated = 8
  }

  /// One file in the archive.
  struct Entry {
    let name: String
    let method: Method
    /// The bytes as they are kept.
    let part: Range<Int>
    /// The number of bytes once inflated.
    let byteCount: Int
    /// The CRC-32 of the inflated bytes.
    let checksum: UInt32
    /// Where the local header starts.
    let byteOffset: Int
  }

  /// The whole file.
  let storage: ByteStorage

  /// The entries in the order of the directory.
  let entries: [Entry]

  /// The bytes behind the archive that belong to nothing.
  let trailingByteCount: Int

  private let indices: [String: Int]

  /// Reads the directory.
  init(_ storage: ByteStorage) throws(CheckpointError) {
    let directory = try ZipDirectory(storage)
    trailingByteCount = directory.trailingByteCount
    var entries: [Entry] = []
    var indices: [String: Int] = [:]
    var inflatedByteCount = 0
    for record in directory.records {
      let entry = try Self.locate(record, in: storage, before: directory.part.lowerBound)
      guard indices.updateValue(entries.count, forKey: entry.name) == nil else {
        throw CheckpointError(
          .duplicateName, byteOffset: record.byteOffset, tensorName: entry.name)
      }
      if entry.method == .deflated {
        let limit = CheckpointLimits.inflatedByteCount(ofFile: storage.count)
        inflatedByteCount += min(entry.byteCount, .max - inflatedByteCount)
        guard inflatedByteCount <= limit else {
          throw CheckpointError(
            .limitExceeded(
              what: "the inflated size", value: UInt64(inflatedByteCount), limit: limit),
            byteOffset: record.byteOffset, tensorName: entry.name)
        }
      }
      entries.append(entry)
    }
    // In the order of their bytes, each entry must start behind the end of the one before it.
    var end = 0
    for entry in entries.sorted(by: { $0.byteOffset < $1.byteOffset }) {
      guard entry.byteOffset >= end else {
        throw CheckpointError(.overlap, byteOffset: entry.byteOffset, tensorName: entry.name)
      }
      end = entry.part.upperBound
    }
    self.storage = storage
    self.entries = entries
    self.indices = indices
  }

  /// The entry of a name, if there is one.
  subscript(name: String) -> Entry? { indices[name].map { entries[$0] } }

  /// The bytes of an entry: in place where they are stored, inflated otherwise.
  ///
  /// - Parameters:
  ///   - entry: an entry of this archive.
  ///   - isVerified: whether stored bytes are read and held against the checksum; inflated bytes
  ///     always are.
  /// - Returns: a storage, and the entry's part of it.
  /// - Throws: a wrong checksum, or what is wrong with the deflated bytes.
  func contents(
    of entry: Entry, isVerified: Bool
  ) throws(CheckpointError) -> (storage: ByteStorage, part: Range<Int>) {
    switch entry.method {
    case .stored:
      if isVerified { try verify(entry, Deflate.checksum(of: storage, in: entry.part)) }
      return (storage, entry.part)
    case .deflated:
      let inflated = try Deflate.inflate(
        storage, entry.part, byteCount: entry.byteCount, name: entry.name)
      try verify(entry, Deflate.checksum(of: inflated, in: 0..<inflated.count))
      return (inflated, 0..<inflated.count)
    }
  }

  private func verify(_ entry: Entry, _ checksum: UInt32) throws(CheckpointError) {
    guard checksum == entry.checksum else {
      throw CheckpointError(
        .checksumMismatch(stated: entry.checksum, found: checksum),
        byteOffset: entry.part.lowerBound, tensorName: entry.name)
    }
  }

  /// Finds an entry's bytes through its local header (APPNOTE 4.3.7).
  private static func locate(
    _ record: ZipDirectory.Record, in storage: ByteStorage, before directory: Int
  ) throws(CheckpointError) -> Entry {
    func failure(_ reason: CheckpointError.Reason, _ place: Int? = nil) -> CheckpointError {
      CheckpointError(reason, byteOffset: place ?? record.byteOffset, tensorName: record.name)
    }
    guard record.flags & 1 == 0 else {
      throw failure(.unsupported("the entry is encrypted", remedy: "save the file without it"))
    }
    guard let method = Method(rawValue: record.method) else {
      throw failure(
        .unsupported(
          "the entry is compressed by method \(record.method)",
          remedy: "save the file stored or deflated"))
    }
    guard record.headerOffset < UInt64(directory) else {
      throw failure(.malformed("the entry starts behind the directory"))
    }
    let start = Int(record.headerOffset)
    var reader = ByteReader(storage, start..<directory)
    do throws(CheckpointError) {
      guard try reader.read(UInt32.self, "a local header") == 0x0403_4B50 else {
        throw failure(.malformed("no local header is where the directory places one"), start)
      }
      _ = try reader.readPart(4, "a local header")
      let localMethod = try reader.read(UInt16.self, "a local header")
      _ = try reader.readPart(16, "a local header")
      let nameCount = try reader.read(UInt16.self, "a local header")
      let extraCount = try reader.read(UInt16.self, "a local header")
      let name = try reader.readPart(UInt64(nameCount), "a name in a local header")
      _ = try reader.readPart(UInt64(extraCount), "a local header")
      guard localMethod == record.method, storage.text(in: name) == record.name else {
        throw failure(.malformed("local header and directory disagree"), start)
      }
      let part = try reader.readPart(record.keptByteCount, "the entry")
      switch method {
      case .stored:
        guard record.byteCount == record.keptByteCount else {
          throw failure(
            .sizeMismatch(needed: Int(clamping: record.byteCount), found: part.count))
        }
      case .deflated:
        let (most, overflow) = part.count.multipliedReportingOverflow(
          by: CheckpointLimits.deflateRatio)
        guard !overflow, record.byteCount <= UInt64(most) else {
          throw failure(
            .limitExceeded(what: "the inflated size", value: record.byteCount, limit: most))
        }
      }
      return Entry(
        name: record.name, method: method, part: part, byteCount: Int(record.byteCount),
        checksum: record.checksum, byteOffset: start)
    } catch {
      throw error.naming(record.name)
    }
  }
}
