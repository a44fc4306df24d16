internal import Dispatch
public import FasterRCNN
internal import Files
internal import Images
internal import Threads

/// Works on pictures one after the other on all lanes at once, and gives the rows in the order of the input.
///
/// Readers read and decode ahead of the lanes; both stop where too much waits, so that memory does not depend on how many pictures
/// there are: at most `window` pictures are on the way, and those that are decoded and wait have at most `waitingBytes`
/// (but one may always be there).
public final class PicturePipeline: Sendable {
  /// How much is on the way at once.
  public struct Limits: Sendable {
    /// The most pictures between the input and the rows.
    public var window: Int

    /// The most bytes of pixels that wait for a lane.
    public var waitingBytes: Int

    /// The most bytes of a file.
    public var fileBytes: Int

    /// Makes limits that keep so many lanes busy.
    public init(laneCount: Int, fileBytes: Int) {
      window = 16 * laneCount + 16
      waitingBytes = 256 << 20
      self.fileBytes = fileBytes
    }
  }

  private enum Content: Sendable {
    case picture(DecodedImage)
    case failure(BatchError)
  }

  private typealias Waiting = WaitingPictures<(PictureEntry, Content)>

  private struct State {
    var waiting = WaitingPictures<(PictureEntry, Content)>()
    /// Pixels that wait or are being decoded.
    var bytes = 0
    /// Rows that are not given out, by their place.
    var rows: [Int: Row] = [:]
    /// How many pictures were read.
    var read = 0
    /// How many pictures a lane has taken.
    var taken = 0
    /// How many rows were given out.
    var given = 0
    /// How many pictures the input had; `nil` before its end.
    var total: Int?
    /// Why the input could not be read to its end.
    var failure: BatchError?
    /// Whether nobody wants the rows any more.
    var isStopped = false
  }

  /// What is known of a picture that was worked on.
  public struct Row: Sendable {
    /// The picture.
    public var entry: PictureEntry
    /// Its rows.
    public var bytes: [UInt8]
    /// Why there is no answer; `nil` where there is one.
    public var failure: BatchError?
  }

  private let detectors: [Detector]
  private let parameters: DetectionParameters
  private let writer: RowWriter
  private let limits: Limits
  private let decoder = ImageDecoder()
  private let state = Monitor(State())

  /// Makes a pipeline.
  ///
  /// - Parameters:
  ///   - detectors: one for each lane.
  ///   - parameters: what is asked of them.
  ///   - writer: what writes the rows.
  ///   - limits: how much is on the way at once.
  public init(
    detectors: [Detector], parameters: DetectionParameters, writer: RowWriter, limits: Limits
  ) {
    self.detectors = detectors
    self.parameters = parameters
    self.writer = writer
    self.limits = limits
  }

  /// Works on all pictures; may be called once.
  ///
  /// - Parameters:
  ///   - first: the picture before the source's next one.
  ///   - source: the pictures.
  ///   - take: gets the rows of each picture in the order of the input, on the caller's thread.
  /// - Throws: `BatchError` of the source or of `take`; rows before it were given out.
  public func run(
    first: PictureEntry?, _ source: some PictureSource,
    take: (Row) throws(BatchError) -> Void
  ) throws(BatchError) {
    let reading = Monitor(Reading(source: source, first: first))
    let group = DispatchGroup()
    for number in 0..<detectors.count {
      start("frcnn-read-\(number)", in: group) { [self] in
        while read(reading) {}
      }
      start("frcnn-lane-\(number)", in: group) { [self] in
        var size: Waiting.Size?
        while work(number, &size) {}
      }
    }
    // Whoever fails does not wait for a reader that may wait for its input.
    defer { state.change { $0.isStopped = true } }
    while let row = try next() { try take(row) }
    group.wait()
  }

  /// What the readers share.
  private struct Reading<Source: PictureSource>: Sendable {
    var source: Source
    var first: PictureEntry?
    var count = 0
    var isEnded = false

    mutating func next() throws(BatchError) -> PictureEntry? {
      if let entry = first {
        first = nil
        return entry
      }
      return try source.next()
    }
  }

  /// Runs on a thread of its own, which a serial queue has as long as it is busy.
  private func start(
    _ name: String, in group: DispatchGroup, _ body: @escaping @Sendable () -> Void
  ) {
    DispatchQueue(label: name).async(group: group, execute: body)
  }

  private func next() throws(BatchError) -> Row? {
    let outcome = state.wait { state -> Result<Row?, BatchError>? in
      if let row = state.rows.removeValue(forKey: state.given) {
        state.given += 1
        return .success(row)
      }
      guard state.given == state.total else { return nil }
      return state.failure.map { .failure($0) } ?? .success(nil)
    }
    return try outcome.get()
  }

  // MARK: Reading

  /// Reads and decodes one picture; `false` at the end.
  private func read<Source>(_ reading: Monitor<Reading<Source>>) -> Bool {
    // The place is taken together with the picture, so that the order is the input's.
    let found = reading.change { reading -> (sequence: Int, entry: PictureEntry)? in
      guard !reading.isEnded else { return nil }
      let isWanted = state.wait { state -> Bool? in
        if state.isStopped { return false }
        return reading.count < state.given + limits.window ? true : nil
      }
      guard isWanted else { return nil }
      do throws(BatchError) {
        if let entry = try reading.next() {
          reading.count += 1
          return (reading.count - 1, entry)
        }
        end(after: reading.count, nil)
      } catch {
        end(after: reading.count, error)
      }
      reading.isEnded = true
      return nil
    }
    guard let (sequence, entry) = found else { return false }
    var byteCount = 0
    let content: Content
    do throws(BatchError) {
      let bytes = try bytes(of: entry)
      let header: ImageHeader
      do {
        header = try decoder.header(of: bytes)
        byteCount = 3 * header.width * header.height
        reserve(byteCount)
        content = .picture(try decoder.decode(bytes))
      } catch {
        throw BatchError(.brokenInput, "\(error)")
      }
    } catch {
      content = .failure(error)
    }
    var light = entry
    light.content = .file
    let reserved = byteCount
    let waiting = (light, content)
    state.change { state in
      var size = Waiting.Size(width: 0, height: 0)
      if case .picture(let picture) = waiting.1 {
        size = Waiting.Size(width: picture.image.width, height: picture.image.height)
      } else {
        state.bytes -= reserved
      }
      state.read = max(state.read, sequence + 1)
      state.waiting.add(.init(sequence: sequence, size: size, picture: waiting))
    }
    return true
  }

  private func end(after count: Int, _ failure: BatchError?) {
    state.change { state in
      state.total = count
      state.failure = failure
    }
  }

  private func bytes(of entry: PictureEntry) throws(BatchError) -> [UInt8] {
    switch entry.content {
    case .failure(let error): throw error
    case .bytes(let bytes): return bytes
    case .file: break
    }
    guard let name = entry.name else { throw BatchError(.missingInput, "the picture has no name") }
    // A pipe or a device in the place of a picture would hold a reader up for ever.
    if name.kind == .other { throw BatchError(.brokenInput, "this is no file") }
    var source = try ByteSource(name)
    let bytes = try source.read(count: limits.fileBytes + 1)
    guard bytes.count <= limits.fileBytes else {
      throw BatchError(
        .brokenInput, "the file has more than \(limits.fileBytes) bytes, the most that are read")
    }
    return bytes
  }

  /// Waits until there is room for a picture's pixels.
  private func reserve(_ count: Int) {
    state.wait { state -> Void? in
      guard state.bytes == 0 || state.bytes + count <= limits.waitingBytes || state.isStopped
      else { return nil }
      state.bytes += count
      return ()
    }
  }

  // MARK: Computing

  /// Works on one picture; `false` at the end.
  private func work(_ lane: Int, _ size: inout Waiting.Size?) -> Bool {
    let last = size
    let taken = state.wait { state -> (sequence: Int, entry: PictureEntry, content: Content)?? in
      if state.isStopped { return .some(nil) }
      // Half the window may overtake a picture; the other half is what lanes do meanwhile.
      let urgent = state.read - limits.window / 2
      if let next = state.waiting.take(preferring: last, urgentBefore: urgent) {
        state.taken += 1
        if case .picture(let picture) = next.picture.1 { state.bytes -= picture.image.pixels.count }
        return (next.sequence, next.picture.0, next.picture.1)
      }
      return state.taken == state.total ? .some(nil) : nil
    }
    guard let (sequence, entry, content) = taken else { return false }
    let row: Row
    do throws(BatchError) {
      guard case .picture(let picture) = content else {
        guard case .failure(let error) = content else { return false }
        throw error
      }
      size = Waiting.Size(width: picture.image.width, height: picture.image.height)
      let result: DetectionResult
      do {
        result = try detectors[lane].detect(.image(picture.image), parameters: parameters)
      } catch {
        throw BatchError(.brokenInput, "\(error)")
      }
      row = Row(
        entry: entry, bytes: try writer.rows(of: entry, picture: picture, result: result),
        failure: nil)
    } catch {
      row = Row(entry: entry, bytes: writer.row(of: entry, failure: error), failure: error)
    }
    state.change { $0.rows[sequence] = row }
    return true
  }
}
