internal import Synchronization

/// The body of a response whose parts are made while it is sent.
///
/// A handler writes parts from any thread, and ends it. The connection takes them as fast as its client
/// does; what it has not taken waits here. Nobody is ever blocked: a handler that has more to come looks
/// at `isFull` between parts, and goes on when `whenDrained` calls it. So at most `limit` bytes and one
/// part wait here, and as much again in the connection.
///
/// Where the client goes away, or is cut off because it takes nothing for too long, the request's
/// `cancellation` says so, and what is written after that goes nowhere.
public final class BodyStream: Sendable {
  /// How many bytes may wait before the stream is full: 256 KiB.
  public static let limit = 256 << 10

  /// What a connection takes in one go.
  struct Batch {
    var bytes: [UInt8]
    var isLast: Bool
  }

  private struct State {
    var waiting: [UInt8] = []
    var isFinished = false
    var isAbandoned = false
    var onWriting: (@Sendable () -> Void)?
    var onDraining: (@Sendable () -> Void)?

    var isFull: Bool { !isAbandoned && waiting.count > BodyStream.limit }
  }

  private let state = Mutex(State())

  /// Makes a body of which nothing has been written.
  public init() {}

  // MARK: The handler's side

  /// Adds a part.
  public func write(_ part: [UInt8]) {
    change { state in
      precondition(!state.isFinished, "a part of \(part.count) bytes behind a body's end")
      if !state.isAbandoned { state.waiting += part }
    }
  }

  /// Says that no part follows.
  public func finish() { change { $0.isFinished = true } }

  /// Whether more waits than should.
  public var isFull: Bool { state.withLock { $0.isFull } }

  /// Calls something once, as soon as there is room, or nobody takes the body any more: at once, where
  /// that is so now, or later from the server's queue, which it must not hold up.
  public func whenDrained(_ action: @escaping @Sendable () -> Void) {
    let isDrained = state.withLock { state in
      precondition(state.onDraining == nil, "a body has one writer, which waits once")
      guard state.isFull else { return true }
      state.onDraining = action
      return false
    }
    if isDrained { action() }
  }

  private func change(_ body: (inout State) -> Void) {
    let onWriting = state.withLock { state in
      body(&state)
      return state.onWriting
    }
    onWriting?()
  }

  // MARK: The connection's side

  /// Has something called whenever there is more to take; it is called at once for what waits already.
  func onWriting(_ action: @escaping @Sendable () -> Void) {
    state.withLock { $0.onWriting = action }
    action()
  }

  /// Takes what waits.
  func take() -> Batch {
    let (batch, onDraining) = state.withLock { state in
      defer {
        state.waiting = []
        state.onDraining = nil
      }
      return (Batch(bytes: state.waiting, isLast: state.isFinished), state.onDraining)
    }
    onDraining?()
    return batch
  }

  /// Says that nothing will be taken any more.
  func abandon() {
    let onDraining = state.withLock { state in
      state.isAbandoned = true
      state.waiting = []
      state.onWriting = nil
      defer { state.onDraining = nil }
      return state.onDraining
    }
    onDraining?()
  }
}
