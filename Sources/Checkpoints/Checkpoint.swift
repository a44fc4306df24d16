public import Tensors

/// A file of trained weights: what the file is, its tensors, and what else it says.
public struct Checkpoint: Sendable {
  /// What the file is.
  public let format: CheckpointFormat

  /// The tensors by name; views of the mapped file wherever its format allows.
  ///
  /// Prefixes that wrappers put before all names (`module.` of `torch.nn.DataParallel`, `_orig_mod.` of
  /// `torch.compile`, a trainer's `model.`) are left out.
  public let stateDictionary: StateDictionary

  /// What the file says beside its weights: for a PyTorch file all that is not the state dictionary,
  /// for a NumPy archive the arrays that hold no numbers; a dictionary without entries otherwise.
  public let attributes: PickleValue

  /// The network as it was pickled whole (`torch.save(model)`); `nil` for a file of weights alone.
  public let module: PickledModule?

  /// The tensors that stood beside the network under names of their own, as a loss's weights do.
  public let leftOut: [String]

  /// Whether the network's weights are all that was saved, as `torch.save(model.state_dict())` does: not
  /// within a dictionary of other things, and not as a part of a trainer.
  public let isFlat: Bool

  /// What was passed over while reading, in words for people.
  public let remarks: [String]

  /// The files that the tensors are views of, in the order of their names.
  public private(set) var files: [ByteStorage]

  /// Opens a file; its format is told by its bytes, not by its name.
  ///
  /// The file is mapped, not read: its tensors' pages are touched when they are used. Whoever
  /// replaces it must rename a new file over it (see `ByteStorage.mapping(path:)`).
  ///
  /// - Parameter path: a regular file, the index of a checkpoint in several files
  ///   (`model.safetensors.index.json`), or a folder that holds one of these (`CheckpointFolder`).
  /// - Returns: what the file holds.
  /// - Throws: what is wrong with the file, with its path.
  public static func open(_ path: String) throws(CheckpointError) -> Checkpoint {
    let path = try CheckpointFolder.checkpoint(at: path)
    let storage: ByteStorage
    do {
      storage = try ByteStorage.mapping(path: path)
    } catch {
      throw CheckpointError(.unreadable(error), path: path)
    }
    do throws(CheckpointError) {
      if SafetensorsIndex.recognises(storage) {
        return try SafetensorsIndex(storage).open(besides: path)
      }
      if let count = SafetensorsIndex.fileCount(ofShard: path) {
        throw CheckpointError(
          .unsupported(
            "the file is one of \(count) that make up a checkpoint",
            remedy: "give the path of its index, model.safetensors.index.json"), byteOffset: 0)
      }
      return try Checkpoint(contentsOf: storage)
    } catch {
      var located = error
      located.path = located.path ?? path
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
      self.init(.safetensors, try Safetensors.read(storage), files: [storage])
    case .numPyArray:
      var dictionary = StateDictionary()
      do throws(CheckpointError) {
        dictionary[NumPyArray.nameOfLoneArray] = try NumPyArray.read(storage, 0..<storage.count)
      } catch {
        guard case .unsupportedElementType("|O") = error.reason else {
          throw error.naming(NumPyArray.nameOfLoneArray)
        }
        throw CheckpointError(
          .unsupported(
            "the file holds Python objects, as numpy.save writes a dictionary",
            remedy: "save the arrays with numpy.savez(path, **dictionary)"),
          byteOffset: error.byteOffset)
      }
      self.init(.numPyArray, dictionary, files: [storage])
    case .zip:
      let archive = try ZipArchive(storage)
      let remarks = Self.remarks(unusedByteCount: archive.trailingByteCount)
      if PyTorchArchive.recognises(archive) {
        self.init(
          .pyTorchArchive, try PyTorchArchive.read(archive), remarks: remarks, file: storage)
      } else if NumPyArchive.recognises(archive) {
        let (dictionary, skipped) = try NumPyArchive.read(archive)
        self.init(.numPyArchive, dictionary, skipped, remarks: remarks, files: [storage])
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
        let weights = try PyTorchLegacy.read(&reader)
        let remarks = Self.remarks(unusedByteCount: reader.available)
        self.init(.pyTorchLegacy, weights, remarks: remarks, file: storage)
      } else {
        guard reader.isAtEnd else {
          throw CheckpointError(.unusedBytes(count: reader.available), byteOffset: reader.offset)
        }
        let weights = try PickledWeights(graph, fileByteCount: storage.count)
        self.init(.pickle, weights, remarks: [], file: storage)
      }
    case .caffeModel:
      self.init(.caffeModel, try CaffeModel.read(storage), files: [storage])
    }
  }

  /// Takes tensors in memory for a checkpoint that a safetensors file would hold.
  public init(_ dictionary: StateDictionary) { self.init(.safetensors, dictionary, files: []) }

  /// Makes a checkpoint of what a reader found.
  init(
    _ format: CheckpointFormat, _ dictionary: StateDictionary,
    _ attributes: PickleValue = .dictionary([]), module: PickledModule? = nil,
    isRoot: Bool = true, remarks: [String] = [], files: [ByteStorage]
  ) {
    self.format = format
    let wasHeld: Bool
    (stateDictionary, leftOut, wasHeld) = dictionary.withoutWrappers()
    isFlat = isRoot && !wasHeld
    self.attributes = attributes
    self.module = module
    self.remarks = remarks
    self.files = files
  }

  private init(
    _ format: CheckpointFormat, _ weights: PickledWeights, remarks: [String], file: ByteStorage
  ) {
    self.init(
      format, weights.stateDictionary, weights.attributes, module: weights.module,
      isRoot: weights.isRoot, remarks: remarks, files: [file])
  }

  /// PyTorch reads files with bytes behind their end; so does this, and says so.
  private static func remarks(unusedByteCount count: Int) -> [String] {
    count == 0 ? [] : ["\(count) bytes behind the end of the checkpoint are passed over"]
  }
}
