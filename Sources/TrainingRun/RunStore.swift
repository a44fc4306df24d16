public import Checkpoints
internal import Files
internal import Glibc
internal import JSON
public import Tensors
public import TrainingReport

/// The folder in which a training saves how far it came, so that whatever ends it costs minutes at most.
///
/// A file is whole or not there: it is written under no name, brought to the disk and then named. Only when
/// that is done are older ones removed.
public struct RunStore: Sendable {
  /// A training as it was saved.
  public struct Saved: Sendable {
    /// The file that it was read from.
    public var path: String
    /// The trainer's own state.
    public var trainer: StateDictionary
    /// What was seen until then.
    public var history: TrainingHistory
    /// How far it came.
    public var record: RunRecord
    /// Newer files that could not be read, and why.
    public var passedOver: [String]
  }

  /// The folder.
  public let folder: String

  /// How many of the last files are kept.
  public let keptCount: Int

  private static let prefix = "step-"
  private static let suffix = ".safetensors"
  private static let trainerPrefix = "trainer/"
  private static let stepsName = "run/steps"
  private static let validationsName = "run/validations"

  /// Names a folder, which is made when something is saved.
  public init(folder: String, keptCount: Int = 2) {
    precondition(keptCount > 0, "\(keptCount) files are kept")
    self.folder = folder
    self.keptCount = keptCount
  }

  /// The file of the best model so far.
  public var bestPath: String { "\(folder)/best\(Self.suffix)" }

  /// Whether a training was saved here.
  public var isEmpty: Bool { savedNames.isEmpty }

  // MARK: Writing

  /// Saves a training and removes the files that are no longer needed.
  ///
  /// - Parameters:
  ///   - trainer: the trainer's own state.
  ///   - history: what was seen until now.
  ///   - record: how far it came.
  ///   - removesOlder: whether older files may go; what diverged was bad already some steps before.
  /// - Returns: the file's path.
  /// - Throws: `CheckpointError` where it cannot be written; what was saved before is still there.
  @discardableResult
  public func save(
    trainer: StateDictionary, history: TrainingHistory, record: RunRecord,
    removesOlder: Bool = true
  ) throws(CheckpointError) -> String {
    var dictionary = StateDictionary(metadata: [RunRecord.metadataKey: record.json])
    for name in trainer.names { dictionary[Self.trainerPrefix + name] = trainer[name] }
    for (key, value) in trainer.metadata { dictionary.metadata[Self.trainerPrefix + key] = value }
    dictionary[Self.stepsName] = StoredTensor(
      Tensor(
        shape: [history.steps.count, TrainingHistory.Step.valueCount],
        values: history.steps.flatMap(\.values)))
    let classCount = history.validations.map(\.classes.count).max() ?? 0
    dictionary[Self.validationsName] = StoredTensor(
      Tensor(
        shape: [history.validations.count, 2 + classCount],
        values: history.validations.flatMap { validation in
          [Float(validation.iteration), validation.epoch]
            + (0..<classCount).map { classID in
              validation.classes.indices.contains(classID)
                ? validation.classes[classID].map { Float($0) } ?? .nan : .nan
            }
        }))
    let number = String(record.iteration)
    let padding = String(repeating: "0", count: max(0, 8 - number.count))
    let path = "\(folder)/\(Self.prefix)\(padding)\(number)\(Self.suffix)"
    try makeFolder()
    try SafetensorsWriter(dictionary).write(to: path)
    if removesOlder { for name in savedNames.dropLast(keptCount) { remove(name) } }
    return path
  }

  /// Saves the best model so far.
  ///
  /// - Throws: `CheckpointError` where it cannot be written; the one before is still there.
  public func saveBest(_ model: StateDictionary) throws(CheckpointError) {
    try makeFolder()
    try SafetensorsWriter(model).write(to: bestPath)
  }

  /// Removes all that was saved, and the folder if nothing else is in it.
  public func removeAll() {
    for name in savedNames { remove(name) }
    _ = unsafe unlink(bestPath)
    _ = unsafe rmdir(folder)
  }

  private func makeFolder() throws(CheckpointError) {
    guard unsafe mkdir(folder, 0o777) != 0, errno != EEXIST else { return }
    var error = CheckpointError(.unwritable("making the folder: \(SystemMessage.text())"))
    error.path = folder
    throw error
  }

  private func remove(_ name: String) { _ = unsafe unlink("\(folder)/\(name)") }

  // MARK: Reading

  /// The names of the saved files, the oldest first.
  private var savedNames: [String] {
    let names = (try? FolderContents.names(in: folder)) ?? []
    let found = names.compactMap { name -> (number: Int, name: String)? in
      guard name.hasPrefix(Self.prefix), name.hasSuffix(Self.suffix),
        let number = Int(name.dropFirst(Self.prefix.count).dropLast(Self.suffix.count))
      else { return nil }
      return (number, name)
    }
    return found.sorted { $0.number < $1.number }.map(\.name)
  }

  /// The newest training that can be read; `nil` where none was saved.
  ///
  /// - Throws: `CheckpointError` of the newest file where there are files and none can be read.
  public func latest() throws(CheckpointError) -> Saved? {
    var first: CheckpointError?
    var passedOver: [String] = []
    for name in savedNames.reversed() {
      do throws(CheckpointError) {
        var saved = try read("\(folder)/\(name)")
        saved.passedOver = passedOver
        return saved
      } catch {
        first = first ?? error
        passedOver.append("\(error)")
      }
    }
    if let first { throw first }
    return nil
  }

  private func read(_ path: String) throws(CheckpointError) -> Saved {
    let dictionary = try Checkpoint.open(path).stateDictionary
    func broken(_ reason: String) -> CheckpointError {
      var error = CheckpointError(.malformed(reason))
      error.path = path
      return error
    }
    guard let json = dictionary.metadata[RunRecord.metadataKey] else {
      throw broken("it is no saved training")
    }
    let record: RunRecord
    do {
      record = try RunRecord(json: json)
    } catch {
      throw broken("\(error)")
    }
    var trainer = StateDictionary()
    for name in dictionary.names where name.hasPrefix(Self.trainerPrefix) {
      trainer[String(name.dropFirst(Self.trainerPrefix.count))] = dictionary[name]
    }
    for (key, value) in dictionary.metadata where key.hasPrefix(Self.trainerPrefix) {
      trainer.metadata[String(key.dropFirst(Self.trainerPrefix.count))] = value
    }
    return Saved(
      path: path, trainer: trainer, history: try history(dictionary, broken), record: record,
      passedOver: [])
  }

  private func history(
    _ dictionary: StateDictionary, _ broken: (String) -> CheckpointError
  ) throws(CheckpointError) -> TrainingHistory {
    func rows(_ name: String) throws(CheckpointError) -> [ArraySlice<Float>] {
      guard let tensor = dictionary[name], tensor.shape.rank == 2 else {
        throw broken("\"\(name)\" is missing, or no table")
      }
      let values = tensor.float32Values()
      let width = tensor.shape[1]
      return (0..<tensor.shape[0]).map { values[$0 * width..<($0 + 1) * width] }
    }
    var history = TrainingHistory()
    for (index, row) in try rows(Self.stepsName).enumerated() {
      guard let step = TrainingHistory.Step(iteration: index + 1, values: row) else {
        throw broken("a step has \(row.count) numbers")
      }
      history.steps.append(step)
    }
    for row in try rows(Self.validationsName) {
      let row = Array(row)
      guard row.count >= 2, let iteration = Int(exactly: row[0]) else {
        throw broken("a measurement without its step")
      }
      history.validations.append(
        TrainingHistory.Validation(
          iteration: iteration, epoch: row[1],
          classes: row[2...].map { $0.isNaN ? nil : Double($0) }))
    }
    return history
  }
}
