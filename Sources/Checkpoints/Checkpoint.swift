public import Tensors

/// A file of trained weights: what the file is, its tensors, and what else it says.
public struct Checkpoint: Sendable {
  /// What the file is.
  public let format: CheckpointFormat

  /// The tensors by name; views of the mapped file wherever its format allows.
  public let stateDictionary: StateDictionary

  /// Opens a file; its format is told by its bytes, not by its name.
  ///
  /// The file is mapped, not read: its tensors' pages are touched when they are used. Whoever
  /// replaces it must rename a new file over it (see `ByteStorage.mapping(path:)`).
  ///
  /// - Parameter path: a regular file.
  /// - Returns: what the file holds.
  /// - Throws: what is wrong with the file, with its path.
  public static func open(_ path: String) throws(CheckpointError) -> Checkpoint {
    let storage: ByteStorage
    do {
      storage = try ByteStorage.mapping(path: path)
    } catch {
      throw CheckpointError(.unreadable(error), path: path)
    }
    do {
      return try Checkpoint(contentsOf: storage)
    } catch {
      var located = error
      located.path = path
      throw located
    }
  }

  /// Reads a checkpoint from bytes in memory; its tensors are views of them.
  ///
  /// - Parameters:
  ///   - storage: the whole file.
  ///   - format: what the bytes are; told by themselves where it is left out.
  /// - Throws: what is wrong with the bytes.
  public init(
    contentsOf storage: ByteStorage, as format: CheckpointFormat? = nil
  ) throws(CheckpointError) {
    self.format = .safetensors
    self.stateDictionary = try Safetensors.read(storage)
  }
}
