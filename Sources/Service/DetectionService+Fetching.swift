internal import Fetching
internal import HTTPServer
internal import Observability

extension DetectionService {
  /// Fetches the pictures that an order names by URL, one after the other; the place in the queue is kept
  /// meanwhile.
  ///
  /// All of a request's pictures together have no more bytes than a body may have.
  ///
  /// - Parameters:
  ///   - order: what is to be done.
  ///   - conversation: whose it is.
  ///   - completion: takes the order with its pictures, or what is wrong with it.
  func fetch(
    _ order: WorkOrder, for conversation: Conversation,
    completion: @escaping @Sendable (Result<WorkOrder, any Error>) -> Void
  ) {
    guard let fetcher else { return completion(.success(order)) }
    fetching.submit { [self] in
      completion(
        Result {
          var order = order
          let fetched = try fetch(order, by: fetcher, for: conversation)
          try order.settleLinks(fetched, settings: settings)
          return order
        })
    }
  }

  private func fetch(
    _ order: WorkOrder, by fetcher: Fetcher, for conversation: Conversation
  ) throws -> [Int: Result<[UInt8], Problem>] {
    let request = conversation.request
    let share = request.share ?? BodyMemory.Share(of: request.memory)
    let limit = min(settings.requestTimeout, order.parameters.timeout ?? settings.requestTimeout)
    var fetched: [Int: Result<[UInt8], Problem>] = [:]
    var bytesLeft = settings.maximumBodyBytes
    for (index, url) in order.links.sorted(by: { $0.key < $1.key }) {
      do throws(FetchError) {
        let bytes = try fetcher.fetch(
          url, limit: bytesLeft, deadline: conversation.arrival + limit, share: share,
          isCancelled: { request.cancellation.isCancelled })
        bytesLeft -= bytes.count
        fetched[index] = .success(bytes)
        rules.metrics.fetches.count("success")
      } catch {
        rules.metrics.fetches.count(error.outcome)
        if error == .cancelled { throw CancellationError() }
        guard order.isBatch else { throw error }
        fetched[index] = .failure(Problem(error))
      }
    }
    return fetched
  }
}

extension FetchError {
  /// What it is called where it is counted.
  fileprivate var outcome: String {
    switch self {
    case .malformed, .forbidden: "refused"
    case .failed, .tooLarge, .noRoom, .cancelled: "failure"
    }
  }
}
