internal import FasterRCNN
internal import HTTPServer
internal import JSON
internal import Observability

/// An answer in lines (`application/x-ndjson`): how far it is, and what its next line says.
///
/// Each line is what its picture alone would be answered, with `index` before it; a picture that cannot be
/// answered has its problem there. Lines come in the order of the pictures.
struct AnswerLines: Sendable {
  let work: DetectionWork
  private let items: [BodyItem]
  private let parameters: RequestParameters

  /// Which picture the next line is of.
  private(set) var index = 0

  /// Where lines go to, once the first one has been sent.
  var stream: BodyStream?

  /// Says that there is no more time, once the first line has been sent.
  var deadline: LineDeadline?

  /// The bytes of the lines so far.
  private(set) var byteCount = 0

  /// The times of all pictures so far.
  private var stages: Timeline

  /// Takes an answer in lines up; `nil` where the answer is to be another one.
  init?(of work: DetectionWork) {
    guard case .detection(let body) = work.order.job, work.admission.door == nil else { return nil }
    let format = try? work.responseFormat(work.order.parameters, isBatch: body.isBatch)
    guard format == .lines else { return nil }
    self.work = work
    items = body.items
    var parameters = work.order.parameters
    parameters.detection.includesFeatures = parameters.sections.contains(.features)
    self.parameters = parameters
    stages = work.earlierTimings
  }

  var isDone: Bool { index == items.count }

  /// How many pictures there are.
  var count: Int { items.count }

  /// How long the answer may take, from the request's arrival.
  var timeLimit: Duration {
    min(work.admission.timeout, parameters.timeout ?? work.admission.timeout)
  }

  /// The times of all pictures, and of the whole so far.
  var timings: Timeline {
    var timings = stages
    timings.add(.now - work.conversation.arrival, to: .total)
    return timings
  }

  /// Works on the next picture.
  ///
  /// - Returns: its line, and what went wrong.
  /// - Throws: a `CancellationError` where nobody waits for it any more.
  mutating func next() throws -> (line: [UInt8], failure: (any Error)?) {
    let conversation = work.conversation
    let isFirst = index == 0
    defer { index += 1 }
    do {
      if deadline?.hasPassed == true { throw Problem.deadlineExceeded(after: timeLimit) }
      var finding = try work.find(items[index], parameters)
      stages.add(finding.timings)
      // The others have not waited for a lane any more.
      finding.timings.add(isFirst ? work.earlierTimings : Timeline(waited: .zero, decoding: .zero))
      var document = DetectionDocument(
        id: conversation.id, model: work.admission.model.description, finding: finding,
        parameters: parameters)
      document.index = index
      return (ended(try document.json(since: conversation.arrival).bytes), nil)
    } catch {
      // Work that is cancelled because its time is over fails in any way.
      let isLate = deadline?.hasPassed == true
      if conversation.request.cancellation.isCancelled, !isLate { throw CancellationError() }
      let problem = isLate ? Problem.deadlineExceeded(after: timeLimit) : Problem(error)
      var json = JSONWriter(reservingCapacity: 512)
      json.beginObject()
      json.member("index", index)
      problem.writeMembers(to: &json, requestID: conversation.id)
      json.endObject()
      return (ended(json.bytes), error)
    }
  }

  private mutating func ended(_ json: [UInt8]) -> [UInt8] {
    let line = json + [UInt8(ascii: "\n")]
    byteCount += line.count
    return line
  }
}

/// The end of the time that an answer in lines has.
final class LineDeadline: Sendable {
  private let flag = Cancellation()
  private let timer: DeadlineTimer

  /// Begins to wait.
  ///
  /// - Parameters:
  ///   - delay: how long.
  ///   - onPassing: called then.
  init(after delay: Duration, onPassing: @escaping @Sendable () -> Void) {
    timer = DeadlineTimer(after: delay) { [flag] in
      flag.cancel()
      onPassing()
    }
  }

  var hasPassed: Bool { flag.isCancelled }

  func cancel() { timer.cancel() }
}
