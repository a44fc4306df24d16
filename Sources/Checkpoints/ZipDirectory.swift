import Tensors

/// The central directory of a zip file as it stands there (APPNOTE 4.3.12 to 4.3.16).
struct ZipDirectory {
  /// What the directory says of one entry.
  struct Record {
    let name: String
    let flags, method: UInt16
    let checksum: UInt32
    var byteCount, keptByteCount, headerOffset: UInt64
    /// Where the record itself starts.
    let byteOffset: Int
  }

  /// The end of the directory: how many records there are, and where.
  private struct End {
    var count, byteCount, byteOffset: UInt64
    /// Where the first of the end's own records starts.
    var place: Int
  }

  /// The records in the order of the directory.
  let records: [Record]

  /// Where the directory is.
  let part: Range<Int>

  /// The bytes behind the archive that belong to nothing, as a line break that a transfer added.
  let trailingByteCount: Int

  /// Finds the directory from the end of the file and reads it.
  init(_ storage: ByteStorage) throws(CheckpointError) {
    let (end, trailingByteCount) = try Self.findEnd(storage)
    self.trailingByteCount = trailingByteCount
    let (last, overflow) = end.byteOffset.addingReportingOverflow(end.byteCount)
    guard !overflow, last == UInt64(end.place) else {
      throw CheckpointError(
        .malformed("the zip directory does not end where the record of its end starts"),
        byteOffset: end.place)
    }
    let part = Int(end.byteOffset)..<end.place
    guard end.count <= UInt64(CheckpointLimits.tensorCount) else {
      throw CheckpointError(
        .limitExceeded(
          what: "the number of zip entries", value: end.count, limit: CheckpointLimits.tensorCount),
        byteOffset: end.place)
    }
    var reader = ByteReader(storage, part)
    var records: [Record] = []
    while !reader.isAtEnd, UInt64(records.count) < end.count {
      records.append(try Self.readRecord(&reader))
    }
    guard UInt64(records.count) == end.count, reader.isAtEnd else {
      throw CheckpointError(
        .malformed("the zip directory has another number of entries than it states"),
        byteOffset: reader.offset)
    }
    self.records = records
    self.part = part
  }

  /// Finds the record of the end, and how many bytes stand behind the archive.
  ///
  /// A record whose comment reaches to the end of the file is believed first. PyTorch and Python also
  /// read archives with something behind them: then the last record does that a directory ends at.
  private static func findEnd(
    _ storage: ByteStorage
  ) throws(CheckpointError) -> (end: End, trailingByteCount: Int) {
    let size = 22
    guard storage.count >= size else {
      throw CheckpointError(
        .truncated(what: "a zip file", needed: UInt64(size), available: storage.count),
        byteOffset: 0)
    }
    // The record ends with a comment of at most 65,535 bytes, so it must be searched for.
    let last = storage.count - size
    let first = max(0, last - 65_535)
    var end = last + 1
    var loose: Int?
    while let place = storage.lastPlace(of: UInt8(ascii: "P"), in: first..<end) {
      if storage.integer(UInt32.self, at: place) == 0x0605_4B50 {
        let comment = Int(storage.integer(UInt16.self, at: place + 20))
        if comment == last - place { return (try readEnd(storage, at: place), 0) }
        if loose == nil, comment < last - place, endsDirectory(storage, at: place) { loose = place }
      }
      end = place
    }
    if let loose {
      let comment = Int(storage.integer(UInt16.self, at: loose + 20))
      return (try readEnd(storage, at: loose), last - loose - comment)
    }
    throw CheckpointError(
      .truncated(what: "the zip directory at the end", needed: UInt64(size), available: 0),
      byteOffset: storage.count)
  }

  /// Whether a directory, or the records of a zip64 one, end where a record starts.
  private static func endsDirectory(_ storage: ByteStorage, at place: Int) -> Bool {
    let locator = place - 20
    if locator >= 0, storage.integer(UInt32.self, at: locator) == 0x0706_4B50 { return true }
    let byteCount = UInt64(storage.integer(UInt32.self, at: place + 12))
    return UInt64(storage.integer(UInt32.self, at: place + 16)) + byteCount == UInt64(place)
  }

  private static func readEnd(_ storage: ByteStorage, at place: Int) throws(CheckpointError) -> End
  {
    var reader = ByteReader(storage, place + 4..<storage.count)
    let what = "the record of the zip directory's end"
    let disk = try reader.read(UInt16.self, what)
    let firstDisk = try reader.read(UInt16.self, what)
    let countHere = try reader.read(UInt16.self, what)
    let count = try reader.read(UInt16.self, what)
    let byteCount = try reader.read(UInt32.self, what)
    let byteOffset = try reader.read(UInt32.self, what)
    let end = End(
      count: UInt64(count), byteCount: UInt64(byteCount), byteOffset: UInt64(byteOffset),
      place: place)
    // APPNOTE 4.3.15: the locator of the zip64 record stands right before.
    let locator = place - 20
    if locator >= 0, storage.integer(UInt32.self, at: locator) == 0x0706_4B50 {
      return try readZip64End(storage, locator: locator, plain: end)
    }
    guard disk == 0, firstDisk == 0, countHere == count else { throw severalDisks(place) }
    return end
  }

  private static func readZip64End(
    _ storage: ByteStorage, locator: Int, plain: End
  ) throws(CheckpointError) -> End {
    let what = "the zip64 record of the directory's end"
    var reader = ByteReader(storage, locator + 4..<plain.place)
    guard try reader.read(UInt32.self, what) == 0 else { throw severalDisks(locator) }
    let start = try reader.read(UInt64.self, what)
    guard start <= UInt64(locator) else {
      throw CheckpointError(
        .malformed("the zip64 locator points behind itself"), byteOffset: locator)
    }
    let place = Int(start)
    reader = ByteReader(storage, place..<locator)
    guard try reader.read(UInt32.self, what) == 0x0606_4B50 else {
      throw CheckpointError(
        .malformed("the zip64 locator does not point at a zip64 record"), byteOffset: place)
    }
    let byteCount = try reader.read(UInt64.self, what)
    guard byteCount == UInt64(reader.available) else {
      throw CheckpointError(
        .malformed("the zip64 record does not end at its locator"), byteOffset: place)
    }
    _ = try reader.readPart(4, what)
    let disk = try reader.read(UInt32.self, what)
    let firstDisk = try reader.read(UInt32.self, what)
    let countHere = try reader.read(UInt64.self, what)
    let end = End(
      count: try reader.read(UInt64.self, what), byteCount: try reader.read(UInt64.self, what),
      byteOffset: try reader.read(UInt64.self, what), place: place)
    guard disk == 0, firstDisk == 0, countHere == end.count else { throw severalDisks(place) }
    // Where the plain record has room for a value, it must be the same: two readers that believe
    // one record each would otherwise see two different archives.
    guard
      plain.count == 0xFFFF || plain.count == end.count,
      plain.byteCount == 0xFFFF_FFFF || plain.byteCount == end.byteCount,
      plain.byteOffset == 0xFFFF_FFFF || plain.byteOffset == end.byteOffset
    else {
      throw CheckpointError(
        .malformed("the two records of the zip directory's end disagree"), byteOffset: place)
    }
    return end
  }

  private static func severalDisks(_ place: Int) -> CheckpointError {
    CheckpointError(
      .unsupported("the zip spans several disks", remedy: "save it as one file"),
      byteOffset: place)
  }

  private static func readRecord(_ reader: inout ByteReader) throws(CheckpointError) -> Record {
    let start = reader.offset
    let what = "an entry of the zip directory"
    guard try reader.read(UInt32.self, what) == 0x0201_4B50 else {
      throw CheckpointError(.malformed("the zip directory is malformed"), byteOffset: start)
    }
    _ = try reader.readPart(4, what)
    let flags = try reader.read(UInt16.self, what)
    let method = try reader.read(UInt16.self, what)
    _ = try reader.readPart(4, what)
    let checksum = try reader.read(UInt32.self, what)
    let keptByteCount = try reader.read(UInt32.self, what)
    let byteCount = try reader.read(UInt32.self, what)
    let nameCount = try reader.read(UInt16.self, what)
    let extraCount = try reader.read(UInt16.self, what)
    let commentCount = try reader.read(UInt16.self, what)
    let disk = try reader.read(UInt16.self, what)
    _ = try reader.readPart(6, what)
    let headerOffset = try reader.read(UInt32.self, what)
    let namePart = try reader.readPart(UInt64(nameCount), what)
    let extra = try reader.readPart(UInt64(extraCount), what)
    _ = try reader.readPart(UInt64(commentCount), what)
    guard let name = reader.storage.text(in: namePart), !name.utf8.contains(0) else {
      throw CheckpointError(
        .malformed("the name of a zip entry is not valid UTF-8"), byteOffset: start)
    }
    var record = Record(
      name: name, flags: flags, method: method, checksum: checksum, byteCount: UInt64(byteCount),
      keptByteCount: UInt64(keptByteCount), headerOffset: UInt64(headerOffset), byteOffset: start)
    do throws(CheckpointError) {
      try readZip64Extra(reader.storage, extra, into: &record)
    } catch {
      throw error.naming(name)
    }
    guard disk == 0 || disk == 0xFFFF else { throw severalDisks(start).naming(name) }
    return record
  }

  /// Takes the 64-bit values of those fields that are full of ones (APPNOTE 4.5.3).
  private static func readZip64Extra(
    _ storage: ByteStorage, _ part: Range<Int>, into record: inout Record
  ) throws(CheckpointError) {
    let full: UInt64 = 0xFFFF_FFFF
    guard
      record.byteCount == full || record.keptByteCount == full || record.headerOffset == full
    else { return }
    var reader = ByteReader(storage, part)
    // Four bytes or fewer at the end are padding that some writers leave.
    while reader.available >= 4 {
      let identifier = try reader.read(UInt16.self, "an extra field")
      let count = try reader.read(UInt16.self, "an extra field")
      let field = try reader.readPart(UInt64(count), "an extra field")
      guard identifier == 1 else { continue }
      var values = ByteReader(storage, field)
      let what = "the zip64 extra field"
      if record.byteCount == full { record.byteCount = try values.read(UInt64.self, what) }
      if record.keptByteCount == full { record.keptByteCount = try values.read(UInt64.self, what) }
      if record.headerOffset == full { record.headerOffset = try values.read(UInt64.self, what) }
      return
    }
    throw CheckpointError(
      .malformed("a zip64 entry lacks its 64-bit sizes"), byteOffset: record.byteOffset)
  }
}
