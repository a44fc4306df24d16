public import Tensors

/// A file of trained weights: what the file is, its tensors, and what else it says.
public struct Checkpoint: Sendable {
  /// What the file is.
  public let format: CheckpointFormat

  /// The tensors by name; views of the mapped file wherever its format allows.
  ///
  /// Where every name starts with `module.`, as after training in `torch.nn.DataParallel`, the
  /// prefix is left out.
  public let stateDictionary: StateDictionary

  /// What the file says beside its weights: for a PyTorch file all that is not the state dictionary,
  /// for a NumPy archive the arrays that hold no numbers; a dictionary without entries otherwise.
  public let attributes: PickleValue

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
    do throws(CheckpointError) {
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
    let signature: CheckpointSignature
    if let format { signature = format.signature } else { signature = try .init(of: storage) }
    switch signature {
    case .safetensors:
      self.init(.safetensors, try Safetensors.read(storage))
    case .numPyArray:
      var dictionary = StateDictionary()
      do throws(CheckpointError) {
        dictionary[NumPyArray.nameOfLoneArray] = try NumPyArray.read(storage, 0..<storage.count)
      } catch {
        throw error.naming(NumPyArray.nameOfLoneArray)
      }
      self.init(.numPyArray, dictionary)
    case .zip:
      let archive = try ZipArchive(storage)
      if PyTorchArchive.recognises(archive) {
        self.init(.pyTorchArchive, try PyTorchArchive.read(archive))
      } else if NumPyArchive.recognises(archive) {
        let (dictionary, skipped) = try NumPyArchive.read(archive)
        self.init(.numPyArchive, dictionary, skipped)
      } else {
        throw CheckpointError(
          .unsupported(
            "the zip has neither a data.pkl nor .npy entries",
            remedy: "give a file of torch.save or numpy.savez"), byteOffset: 0)
      }
    case .pickle:
      var reader = ByteReader(storage)
      let graph = try PickleMachine.run(&reader)
      if PyTorchLegacy.recognises(graph) {
        self.init(.pyTorchLegacy, try PyTorchLegacy.read(&reader))
      } else {
        guard reader.isAtEnd else {
          throw CheckpointError(.unusedBytes(count: reader.available), byteOffset: reader.offset)
        }
        self.init(.pickle, try PickledWeights(graph, fileByteCount: storage.count))
      }
    }
  }

  /// Makes a checkpoint of what a reader found.
  init(
    _ format: CheckpointFormat, _ dictionary: StateDictionary,
    _ attributes: PickleValue = .dictionary([])
  ) {
    self.format = format
    self.stateDictionary = dictionary.removingPrefix("module.")
    self.attributes = attributes
  }

  private init(_ format: CheckpointFormat, _ weights: PickledWeights) {
    self.init(format, weights.stateDictionary, weights.attributes)
  }
}

extension CheckpointFormat {
  /// How a file of this format begins.
  fileprivate var signature: CheckpointSignature {
    switch self {
    case .safetensors: .safetensors
    case .numPyArray: .numPyArray
    case .numPyArchive, .pyTorchArchive: .zip
    case .pyTorchLegacy, .pickle: .pickle
    }
  }
}

extension StateDictionary {
  /// The same tensors without a prefix, if every name has it and something behind it.
  fileprivate func removingPrefix(_ prefix: String) -> StateDictionary {
    guard count > 0, names.allSatisfy({ $0.hasPrefix(prefix) && $0 != prefix }) else {
      return self
    }
    var result = StateDictionary(metadata: metadata)
    for name in names { result[String(name.dropFirst(prefix.count))] = self[name] }
    return result
  }
}
