internal import Images
public import Threads
public import Training

/// Pictures in their order, read, decoded and changed on a thread beside the computation.
///
/// At most so many wait as the limits say, so that memory does not depend on how fast each side is.
public final class PictureFeed: Sendable {
  /// How much may wait.
  public struct Limits: Sendable {
    /// The most pictures.
    public var pictures: Int

    /// The most bytes of pixels; one picture may always wait.
    public var bytes: Int

    /// Makes limits.
    public init(pictures: Int = 8, bytes: Int = 256 << 20) {
      self.pictures = pictures
      self.bytes = bytes
    }
  }

  /// A picture and where it stands in the order.
  public struct Item: Sendable {
    /// Counted from 0 over all epochs.
    public var position: Int

    /// Which picture of which epoch.
    public var place: PictureOrder.Place

    /// The picture, changed.
    public var example: TrainingExample
  }

  private struct State {
    var waiting: [Item] = []
    var bytes = 0
    var failure: TrainingSetError?
    var isStopped = false
  }

  private let state = Monitor(State())

  /// Starts to read.
  ///
  /// - Parameters:
  ///   - set: the pictures; traps where there are none.
  ///   - augmentation: how they are changed.
  ///   - seed: for the order and for the changes.
  ///   - position: where to begin, counted from 0 over all epochs.
  ///   - limits: how much may wait.
  /// - Throws: `ThreadError` where the system has no thread to give.
  public init(
    _ set: some TrainingSet, augmentation: Augmentation, seed: UInt64, from position: Int = 0,
    limits: Limits = Limits()
  ) throws(ThreadError) {
    let order = PictureOrder(count: set.count, seed: seed)
    // The thread holds the state and not the feed, whose end is what tells it to stop.
    try DetachedThread.start(name: "frcnn-pictures") { [state] in
      var (order, position) = (order, position)
      while true {
        let place = order.place(at: position)
        do throws(TrainingSetError) {
          let example = augmentation.seen(
            try set.example(at: place.index), seed: seed, epoch: place.epoch, index: place.index)
          let item = Item(position: position, place: place, example: example)
          guard Self.offer(item, to: state, limits) else { return }
        } catch {
          return state.change { $0.failure = error }
        }
        position += 1
      }
    }
  }

  deinit { state.change { $0.isStopped = true } }

  /// Waits for room and adds a picture; false once nobody wants more.
  private static func offer(_ item: Item, to state: Monitor<State>, _ limits: Limits) -> Bool {
    let size = item.example.picture.pixels.count
    return state.wait { state -> Bool? in
      if state.isStopped { return false }
      guard
        state.waiting.isEmpty
          || state.waiting.count < limits.pictures && state.bytes + size <= limits.bytes
      else { return nil }
      state.waiting.append(item)
      state.bytes += size
      return true
    }
  }

  /// Waits for the next picture.
  ///
  /// - Throws: `TrainingSetError` where it could not be read; every later call throws the same.
  public func next() throws(TrainingSetError) -> Item {
    let result = state.wait { state -> Result<Item, TrainingSetError>? in
      if !state.waiting.isEmpty {
        let item = state.waiting.removeFirst()
        state.bytes -= item.example.picture.pixels.count
        return .success(item)
      }
      return state.failure.map { .failure($0) }
    }
    return try result.get()
  }
}
