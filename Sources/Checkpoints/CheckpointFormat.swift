import Tensors

/// The file formats that are read.
public enum CheckpointFormat: String, Sendable, CaseIterable, CustomStringConvertible {
  /// Hugging Face safetensors.
  case safetensors
  /// One NumPy array (`.npy`).
  case numPyArray
  /// A zip of NumPy arrays (`.npz`), as `numpy.savez` and Chainer write.
  case numPyArchive
  /// A zip with a pickle and storages, as `torch.save` writes since PyTorch 1.6.
  case pyTorchArchive
  /// A stream of pickles and storages, as `torch.save` wrote before.
  case pyTorchLegacy
  /// A pickle whose arrays are NumPy's, as Detectron2's model zoo has.
  case pickle

  /// The name that people know it by.
  public var description: String {
    switch self {
    case .safetensors: "safetensors"
    case .numPyArray: "NumPy array"
    case .numPyArchive: "NumPy archive"
    case .pyTorchArchive: "PyTorch archive"
    case .pyTorchLegacy: "PyTorch legacy stream"
    case .pickle: "pickle of arrays"
    }
  }
}

/// What a file is by its first bytes.
enum CheckpointSignature {
  case safetensors, numPyArray, zip, pickle

  /// Tells what some bytes are; common files that are no checkpoints get an error of their own.
  init(of storage: ByteStorage) throws(CheckpointError) {
    func starts(_ bytes: [UInt8]) -> Bool { storage.contains(bytes, at: 0) }
    func starts(_ text: String) -> Bool { storage.contains(text.utf8, at: 0) }
    if starts("PK\u{3}\u{4}") || starts("PK\u{5}\u{6}") {
      self = .zip
    } else if starts(NumPyArray.magic) {
      self = .numPyArray
    } else if storage.count >= 2, storage.byte(at: 0) == 0x80,
      PickleMachine.protocols.contains(storage.byte(at: 1))
    {
      self = .pickle
    } else if storage.contains("{".utf8, at: Safetensors.lengthByteCount) {
      self = .safetensors
    } else if storage.contains("ustar".utf8, at: 257) {
      throw CheckpointError(
        .unsupported(
          "the file is a tar archive",
          remedy: "unpack it, or load it in PyTorch and save model.state_dict() with torch.save"),
        byteOffset: 257)
    } else if starts([0x89] + Array("HDF\r\n".utf8)) {
      throw Self.unsupported("an HDF5 file", "export the weights as safetensors or .npz")
    } else if starts([0x1F, 0x8B]) {
      throw Self.unsupported("compressed by gzip", "unpack it with gunzip")
    } else if starts("version https://git-lfs") {
      throw Self.unsupported("a Git LFS pointer, not the file itself", "run git lfs pull")
    } else if starts("<!") || starts("<html") || starts("<HTML") || starts("<?xml") {
      throw Self.unsupported("a web page", "download the file itself")
    } else {
      throw CheckpointError(.unknownFormat, byteOffset: 0)
    }
  }

  private static func unsupported(_ what: String, _ remedy: String) -> CheckpointError {
    CheckpointError(.unsupported("the file is \(what)", remedy: remedy), byteOffset: 0)
  }
}
