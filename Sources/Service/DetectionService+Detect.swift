internal import FasterRCNN
internal import HTTP1
internal import HTTPServer
internal import Observability

extension DetectionService {
  /// Lets a request wait for a lane.
  func enqueue(_ conversation: Conversation, _ admission: Admission) throws(Problem) {
    // Only now is it known how long a chunked body is.
    _ = try checkedLength(of: conversation.request)
    let place: WorkQueue.Place
    do throws(WorkQueue.Shortage) {
      place = try queue.enter(
        bytes: conversation.request.body.count, within: admission.timeout,
        serviceTime: admission.model.record.serviceTime,
        cancellation: conversation.request.cancellation)
    } catch {
      throw refusal(error)
    }
    conversation.answer(within: admission.timeout, onPassing: dropCancelled)
    intake.submit { [self] in prepare(conversation, admission, at: place) }
  }

  var dropCancelled: @Sendable () -> Void { { [queue] in queue.dropCancelled() } }

  /// Looks into a body, and lets a lane have it where all is well; runs in the intake.
  private func prepare(
    _ conversation: Conversation, _ admission: Admission, at place: WorkQueue.Place
  ) {
    let cancellation = conversation.request.cancellation
    var conversation = conversation
    do {
      if cancellation.isCancelled { throw CancellationError() }
      let start = ContinuousClock.now
      let order = try order(&conversation, admission)
      if let timeout = order.parameters.timeout, timeout < admission.timeout {
        conversation.answer(within: timeout, onPassing: dropCancelled)
      }
      guard order.links.isEmpty else {
        return fetch(order, for: conversation) { [self, conversation] result in
          submit(result, conversation, admission, since: start, at: place)
        }
      }
      submit(.success(order), conversation, admission, since: start, at: place)
    } catch {
      submit(.failure(error), conversation, admission, since: .now, at: place)
    }
  }

  /// Lets a lane have a request, or tells what is wrong with it.
  private func submit(
    _ result: Result<WorkOrder, any Error>, _ conversation: Conversation, _ admission: Admission,
    since start: ContinuousClock.Instant, at place: WorkQueue.Place
  ) {
    do {
      let order = try result.get()
      let preparation = ContinuousClock.now - start
      do throws(WorkQueue.Shortage) {
        try queue.charge(
          place, bytes: conversation.request.body.count + order.madeBytes, pixels: order.pixels,
          within: order.parameters.timeout)
      } catch {
        throw refusal(error)
      }
      let work = Work(
        run: { [self, conversation] waited in
          let work = DetectionWork(
            conversation: conversation, admission: admission, order: order, settings: settings,
            waited: max(waited - preparation, .zero), preparation: preparation)
          run(work)
        },
        abandon: { [conversation] waited in
          var timings = Timeline()
          timings.add(waited, to: .queue)
          conversation.answer(Problem(CancellationError()), timings: timings)
        })
      queue.submit(work, at: place)
    } catch {
      queue.leave(place)
      admission.model.failed(after: .now - conversation.arrival)
      let isCancelled = conversation.request.cancellation.isCancelled
      conversation.answer(Problem(isCancelled ? CancellationError() : error))
    }
  }

  /// Undoes the body's coding and reads it; lets go of it where all of it was made something else.
  private func order(_ conversation: inout Conversation, _ admission: Admission) throws -> WorkOrder
  {
    let share =
      conversation.request.share ?? BodyMemory.Share(of: conversation.request.memory)
    conversation.request.share = share
    // What the share has now is the body's, coded or not.
    var bodyBytes = share.count
    if let coding = admission.coding {
      do throws(Inflation.Fault) {
        conversation.request.body = try Inflation.undo(
          conversation.request.body, coding, limit: settings.maximumBodyBytes, share: share)
      } catch {
        throw Problem(error, coding: coding)
      }
      share.giveBack(bodyBytes)
      bodyBytes = share.count
    }
    var order = try WorkOrder(
      conversation.request.body, fields: conversation.request.fields, admission: admission,
      settings: settings)
    if fetcher == nil { try order.settleLinks([:], settings: settings) }
    guard share.take(order.madeBytes) else { throw Problem.outOfBodyMemory }
    if !order.needsBody {
      conversation.request.body = []
      share.giveBack(bodyBytes)
    }
    return order
  }

  /// Works on a request and answers it; runs on a lane.
  private func run(_ work: DetectionWork) {
    let conversation = work.conversation
    if let lines = AnswerLines(of: work) { return write(lines) }
    do {
      let answer = try work.answer()
      work.admission.model.succeeded(answer)
      conversation.answer(answer.response, timings: answer.timings)
    } catch {
      var timings = Timeline()
      timings.add(work.waited, to: .queue)
      work.admission.model.failed(after: .now - conversation.arrival)
      // Whatever work that was cancelled throws, it was cancelled.
      let isCancelled = conversation.request.cancellation.isCancelled
      let problem = Problem(isCancelled ? CancellationError() : error)
      if problem.kind == .internalError {
        announce("request \(conversation.id) failed: \(error)")
      }
      conversation.answer(problem, timings: timings)
    }
  }
}
