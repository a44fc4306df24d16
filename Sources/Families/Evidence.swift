public import Checkpoints
public import Tensors

/// All that a file tells of its family: its tensors, what was saved beside them, and its neighbours.
public struct Evidence: Sendable {
  /// What the file is.
  public let format: CheckpointFormat

  /// The tensors under the file's own names.
  public let state: StateDictionary

  /// What the file says beside its tensors.
  public let attributes: PickleValue

  /// The file's name without its folder; `nil` where it has none.
  public let fileName: String?

  /// Gives the bytes of a file beside the checkpoint, at most 1 MiB of them; `nil` where there is none.
  let neighbour: @Sendable (_ name: String) throws(CardError) -> [UInt8]?

  /// Gathers the evidence.
  ///
  /// - Parameters:
  ///   - checkpoint: the file.
  ///   - fileName: its name without its folder.
  ///   - neighbour: gives the bytes of a file beside it; `nil` where there is none.
  public init(
    _ checkpoint: Checkpoint, fileName: String? = nil,
    neighbour: @escaping @Sendable (_ name: String) throws(CardError) -> [UInt8]? = {
      (_) throws(CardError) in nil
    }
  ) {
    format = checkpoint.format
    state = checkpoint.stateDictionary
    attributes = checkpoint.attributes
    self.fileName = fileName
    self.neighbour = neighbour
  }
}
