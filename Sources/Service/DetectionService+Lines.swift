internal import HTTP1
internal import HTTPServer
internal import Observability

extension DetectionService {
  /// Writes lines until all pictures are told of, or the client has enough to take for now; runs on a
  /// lane.
  ///
  /// The first line takes the status with it: from then on whatever goes wrong is told in a line, unless
  /// the client has gone. A client that reads slowly keeps no lane: what is left of its request waits in
  /// the queue, at the front, until it has taken the lines that wait.
  func write(_ lines: AnswerLines) {
    var lines = lines
    let (conversation, admission) = (lines.work.conversation, lines.work.admission)
    while !lines.isDone {
      let line: [UInt8]
      do {
        let next = try lines.next()
        line = next.line
        rules.metrics.lines.count(next.failure == nil ? "result" : "problem")
        if let failure = next.failure, Problem(failure).kind == .internalError {
          announce("request \(conversation.id) failed: \(failure)")
        }
      } catch {
        return giveUp(lines)
      }
      if let stream = lines.stream {
        stream.write(line)
      } else if !begin(&lines, with: line) {
        // The clock was first, and has told so.
        return admission.model.failed(after: .now - conversation.arrival)
      }
      if !lines.isDone, let stream = lines.stream, stream.isFull {
        return wait(for: stream, lines)
      }
    }
    lines.deadline?.cancel()
    lines.stream?.finish()
    let timings = lines.timings
    admission.model.succeeded(
      WorkAnswer(response: HTTPResponse(status: 200), timings: timings, count: lines.count))
    conversation.record(200, bytes: lines.byteCount, timings: timings)
  }

  /// Sends the head and the first line.
  ///
  /// - Returns: whether nobody has answered before.
  private func begin(_ lines: inout AnswerLines, with line: [UInt8]) -> Bool {
    let conversation = lines.work.conversation
    let stream = BodyStream()
    var response = HTTPResponse(status: 200, body: line, stream: stream)
    response.fields.append("Content-Type", MediaType.lines)
    response.fields.append("Vary", "Accept")
    response.fields.append("Server-Timing", lines.timings.serverTimingText)
    // nginx would gather the lines, and hand them on when there are many.
    response.fields.append("X-Accel-Buffering", "no")
    guard conversation.begin(response) else { return false }
    lines.stream = stream
    let cancellation = conversation.request.cancellation
    lines.deadline = LineDeadline(
      after: conversation.arrival + lines.timeLimit - .now,
      onPassing: { [dropCancelled] in
        cancellation.cancel()
        dropCancelled()
      })
    return true
  }

  /// Goes on when the client has taken what waits.
  private func wait(for stream: BodyStream, _ lines: AnswerLines) {
    let work = lines.work
    let place = queue.reenter(
      bytes: work.conversation.request.body.count + work.order.madeBytes,
      pixels: work.order.pixels, deadline: work.conversation.arrival + lines.timeLimit,
      serviceTime: work.admission.model.record.serviceTime,
      cancellation: work.conversation.request.cancellation)
    stream.whenDrained { [self] in
      queue.submit(
        Work(run: { [self] _ in write(lines) }, abandon: { [self] _ in write(lines) }), at: place)
    }
  }

  /// Ends an answer whose client has gone.
  private func giveUp(_ lines: AnswerLines) {
    let conversation = lines.work.conversation
    let problem = Problem(CancellationError())
    lines.deadline?.cancel()
    lines.stream?.finish()
    lines.work.admission.model.failed(after: .now - conversation.arrival)
    if lines.stream == nil {
      conversation.answer(problem, timings: lines.timings)
    } else {
      conversation.record(
        problem.kind.status, bytes: lines.byteCount, timings: lines.timings, problem: problem)
    }
  }
}
