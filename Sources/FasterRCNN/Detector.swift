public import Compute
public import Images
internal import Networks

/// A model made ready for this CPU: give it pictures, get proposals and detections.
///
/// ```swift
/// let detector = try Detector(model: .embedded())
/// let picture = try ImageDecoder().decode(bytes).image
/// for object in try detector.detect(.image(picture)).objects {
///   print(detector.model.labels[object.classID], object.score, object.box)
/// }
/// ```
///
/// It may be called from any thread; calls take turns on the detector's own compute thread.
public final class Detector: Sendable {
  /// How a detector uses the machine.
  public struct Options: Sendable {
    /// The threads that the engine's kernels run on.
    public var threadCount: Int

    /// The picture sizes whose plans are kept; the one that was used longest ago makes room.
    public var keptPlans: Int

    /// How the networks are computed.
    public var plan: PlanOptions

    /// What weights transformed for Winograd's convolutions may take; detectors that are given the same
    /// share it.
    public var winogradBudget: WinogradBudget

    /// The most bytes of pooled features at a time.
    var headByteLimit = HeadRows.byteLimit

    /// Makes a set of options; by default all cores that the process really has.
    public init(
      threadCount: Int = ProcessorCount.available, keptPlans: Int = 16,
      plan: PlanOptions = PlanOptions(), winogradBudget: WinogradBudget = WinogradBudget()
    ) {
      self.threadCount = threadCount
      self.keptPlans = keptPlans
      self.plan = plan
      self.winogradBudget = winogradBudget
    }
  }

  /// What the model is.
  public var model: ModelDescription { source.description }

  /// The backbone, as `VGG with 13 convolutions`.
  public var architectureName: String { source.architectureName }

  /// How often the plan of a run was kept from an earlier one.
  public var planCache: PlanCacheStatistics { planCounters.statistics }

  /// How it uses the machine.
  public let options: Options

  private let source: Model

  var networks: DetectorNetworks { source.networks }

  private let planCounters = PlanCounters()

  private let thread: ComputeThread
  let session: Confined

  /// A session that only its compute thread touches.
  final class Confined: @unchecked Sendable {
    // Sendable: `session` is used and freed on `thread` alone.
    private var session: Session?
    private let thread: ComputeThread

    init(model: Model, thread: ComputeThread, options: Options, counters: PlanCounters) {
      self.thread = thread
      session = Session(model: model, thread: thread, options: options, planCounters: counters)
    }

    deinit {
      let last = Last(session: session)
      session = nil
      thread.async { last.session = nil }
    }

    /// Carries a session to its own thread to be freed there.
    private final class Last: @unchecked Sendable {
      // Sendable: handed from `deinit` to the thread, which is then the only one to hold it.
      var session: Session?
      init(session: Session?) { self.session = session }
    }

    /// Calls a closure on the thread.
    func run<Result: Sendable>(
      _ body: @escaping @Sendable (Session) throws(DetectorError) -> Result
    ) throws(DetectorError) -> Result {
      try thread.run { () throws(DetectorError) in
        guard let session = self.session else { throw .cancelled }
        return try body(session)
      }
    }

    /// Calls a closure on the thread, and another one there with what came of it; returns at once.
    func start<Outcome: Sendable>(
      _ body: @escaping @Sendable (Session) throws(DetectorError) -> Outcome,
      then end: @escaping @Sendable (Result<Outcome, DetectorError>) -> Void
    ) {
      thread.async {
        do throws(DetectorError) {
          guard let session = self.session else { throw .cancelled }
          end(.success(try body(session)))
        } catch {
          end(.failure(error))
        }
      }
    }
  }

  /// Makes a detector.
  ///
  /// Weights are put in order when the first picture arrives, or by `warmUp`.
  ///
  /// - Parameters:
  ///   - model: an opened model, which this detector takes over.
  ///   - options: how the machine is used.
  /// - Throws: `DetectorError` where the system has no thread to give.
  public init(model: Model, options: Options = Options()) throws(DetectorError) {
    source = model
    self.options = options
    do {
      thread = try ComputeThread(name: "frcnn-compute", threadCount: options.threadCount)
    } catch {
      throw .compute(error)
    }
    session = Confined(model: model, thread: thread, options: options, counters: planCounters)
  }

  /// Makes a detector that computes on a thread which others compute on as well, one at a time.
  ///
  /// - Parameters:
  ///   - model: an opened model, which this detector takes over.
  ///   - thread: the thread; its count of threads goes before that of the options.
  ///   - options: how the machine is used.
  public init(model: Model, on thread: ComputeThread, options: Options = Options()) {
    source = model
    self.options = options
    self.thread = thread
    session = Confined(model: model, thread: thread, options: options, counters: planCounters)
  }

  /// Detects objects in one picture or feature map; blocks the caller.
  ///
  /// - Parameters:
  ///   - input: a picture, or the features of one.
  ///   - parameters: what this call wants otherwise than the model says.
  ///   - isCancelled: asked between stages, from the compute thread; the work stops once it is true.
  /// - Returns: proposals and objects in pixels of the original picture.
  /// - Throws: `DetectorError`.
  public func detect(
    _ input: DetectorInput, parameters: DetectionParameters = DetectionParameters(),
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws(DetectorError) -> DetectionResult {
    try session.run { (session) throws(DetectorError) in
      try Self.detect(input, parameters, by: session, isCancelled)
    }
  }

  static func detect(
    _ input: DetectorInput, _ parameters: DetectionParameters, by session: Session,
    _ isCancelled: @escaping @Sendable () -> Bool
  ) throws(DetectorError) -> DetectionResult {
    switch input {
    case .image(let image):
      return try session.detect([image], parameters: parameters, Run(isCancelled: isCancelled))[0]
    case .features(let features):
      return try session.detect(features, parameters: parameters, Run(isCancelled: isCancelled))
    }
  }

  /// Detects objects in pictures of one size, which share a run through the networks.
  ///
  /// - Parameters:
  ///   - images: pictures with the same width and height; traps where they differ.
  ///   - parameters: what this call wants otherwise than the model says.
  ///   - isCancelled: asked between stages, from the compute thread; the work stops once it is true.
  /// - Returns: a result for each picture; the times are those of the whole run.
  /// - Throws: `DetectorError`.
  public func detect(
    batch images: [Image], parameters: DetectionParameters = DetectionParameters(),
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws(DetectorError) -> [DetectionResult] {
    try session.run { (session) throws(DetectorError) in
      try session.detect(images, parameters: parameters, Run(isCancelled: isCancelled))
    }
  }

  /// Runs the whole model once on a grey picture, or a strip of one where that is enough to put all
  /// weights in order.
  ///
  /// - Throws: `DetectorError` where the model cannot run at all.
  public func warmUp() throws(DetectorError) {
    try session.run { (session) throws(DetectorError) in try session.warmUp() }
  }
}
