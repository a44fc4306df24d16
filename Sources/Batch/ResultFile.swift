internal import FasterRCNN
public import Files
internal import Glibc

/// The results of a run, which may be ended at any moment and gone on with.
///
/// Rows are in the order of the input. So what is done is the beginning of the input, and it is found again by reading both side by
/// side, however long they are.
public final class ResultFile {
  private let rows: OutputFile
  private let rowsName: FileName?
  private let writer: RowWriter
  /// Where COCO's document is written when all rows are there.
  private let document: FileName?
  private let isResumed: Bool
  private let record: RunRecord?

  /// The longest row that is read back.
  private static let maximumRowLength = 1 << 28

  /// Opens the file.
  ///
  /// - Parameters:
  ///   - name: the file; `nil` is standard output.
  ///   - writer: what writes the rows.
  ///   - record: what the rows are made with; kept beside a file, and held against its own where it is gone on with.
  ///   - isResumed: whether rows that are there stay. Otherwise a file that holds something is refused.
  /// - Throws: `BatchError` where it is refused or cannot be written.
  public init(
    _ name: FileName?, writer: RowWriter, record: RunRecord?, isResumed: Bool
  ) throws(BatchError) {
    self.writer = writer
    self.record = record
    self.isResumed = isResumed
    document = writer.format == .coco ? name : nil
    guard let name else {
      guard !isResumed, writer.format != .coco else {
        throw BatchError(
          .usage, "standard output takes rows of jsonl or csv, and cannot be gone on with")
      }
      (rows, rowsName) = (OutputFile.standard, nil)
      return
    }
    let rowsName = writer.format == .coco ? FileName(name.bytes + Array(".rows".utf8)) : name
    let rows = try OutputFile(rowsName)
    (self.rows, self.rowsName) = (rows, rowsName)
    guard rows.isRegular || !isResumed else {
      throw BatchError(.usage, "--resume reads \(name) again, and it is no file")
    }
    guard isResumed || rows.length == 0 else {
      throw BatchError(
        .cannotCreate,
        "\(rowsName) holds results: give --resume to go on with them, or remove it")
    }
  }

  /// Passes over what is done already, and writes what stands before all rows.
  ///
  /// - Returns: how many pictures are done, and the first that is not.
  /// - Throws: `BatchError` where the file holds rows of another input, or of another model or other options.
  public func begin(
    _ source: inout some PictureSource
  ) throws(BatchError) -> (done: Int, next: PictureEntry?) {
    var done = 0
    var next = try source.next()
    var end = 0
    if isResumed, rows.length > 0 {
      if let record, let rowsName { try record.check(besides: rowsName) }
      (done, end) = try match(&source, &next)
      try rows.cut(to: end)
    } else if let record, let rowsName, rows.isRegular {
      // Before the first row, so that there are none without it whenever the run is ended.
      try record.write(besides: rowsName)
    }
    if end == 0 { try rows.append(writer.head) }
    return (done, next)
  }

  /// Appends the rows of the picture that comes next.
  public func append(_ bytes: [UInt8]) throws(BatchError) { try rows.append(bytes) }

  /// Ends the results: all of them are on the disk then.
  public func finish() throws(BatchError) {
    try rows.synchronise()
    guard let document, let rowsName else { return }
    try COCOAssembly(rows: rows, labels: writer.model.labels).write(to: document)
    _ = unsafe rowsName.withPath { unsafe unlink($0) }
    RunRecord.remove(besides: rowsName)
  }

  /// Reads rows and pictures side by side.
  ///
  /// - Returns: how many pictures have all their rows, and where those end.
  private func match(
    _ source: inout some PictureSource, _ next: inout PictureEntry?
  ) throws(BatchError) -> (done: Int, end: Int) {
    var reader = try rows.reader()
    var (done, offset, end) = (0, 0, 0)
    if !writer.head.isEmpty {
      guard let line = try row(&reader), line.isWhole else { return (0, 0) }
      offset = line.bytes.count + 1
      guard line.bytes + [0x0A] == writer.head else {
        throw BatchError(.brokenInput, "\(rows.name) does not begin as results do")
      }
      end = offset
    }
    // Where a picture has several rows its last one is known by the next picture's first.
    let hasSeveral = writer.format == .csv
    var isWithin = false
    while let line = try row(&reader), line.isWhole {
      if isWithin, let entry = next, !line.bytes.starts(with: writer.beginning(of: entry)) {
        (done, end, isWithin) = (done + 1, offset, false)
        next = try source.next()
      }
      guard let entry = next, line.bytes.starts(with: writer.beginning(of: entry)) else {
        throw BatchError(
          .brokenInput,
          "row \(done + 1) of \(rows.name) is not of the picture that comes there in the input"
            + (next?.name.map { ", \($0)" } ?? "")
            + ": the input is another one, or another part; give the same as before")
      }
      offset += line.bytes.count + 1
      if hasSeveral {
        isWithin = true
      } else {
        (done, end) = (done + 1, offset)
        next = try source.next()
      }
    }
    return (done, end)
  }

  /// The next row without its end; a quoted field of CSV may go over several lines.
  private func row(
    _ reader: inout ByteSource
  ) throws(BatchError) -> (bytes: [UInt8], isWhole: Bool)? {
    guard var row = try reader.read(upTo: 0x0A, limit: Self.maximumRowLength) else { return nil }
    let mark = UInt8(ascii: "\"")
    while writer.format == .csv, row.isWhole, row.bytes.count(where: { $0 == mark }) % 2 == 1 {
      guard let more = try reader.read(upTo: 0x0A, limit: Self.maximumRowLength) else {
        return (row.bytes, false)
      }
      row = (row.bytes + [0x0A] + more.bytes, more.isWhole)
    }
    return row
  }
}
