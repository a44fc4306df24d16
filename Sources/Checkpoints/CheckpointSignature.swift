import Tensors

/// What a file is by its first bytes.
enum CheckpointSignature {
  case safetensors, numPyArray, zip, pickle, caffeModel

  /// Tells what some bytes are; what is no checkpoint is told as what it is (`ForeignFile`).
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
    } else if storage.contains("{".utf8, at: Safetensors.lengthByteCount),
      !starts("{")
    {
      self = .safetensors
    } else if let foreign = ForeignFile(storage) {
      throw CheckpointError(
        .unsupported("the file is \(foreign.what)", remedy: foreign.remedy),
        byteOffset: foreign.byteOffset)
    } else if CaffeModel.recognises(storage) {
      self = .caffeModel
    } else {
      throw CheckpointError(.unknownFormat, byteOffset: 0)
    }
  }
}

extension CheckpointFormat {
  /// How a file of this format begins.
  var signature: CheckpointSignature {
    switch self {
    case .safetensors: .safetensors
    case .numPyArray: .numPyArray
    case .numPyArchive, .pyTorchArchive: .zip
    case .pyTorchLegacy, .pickle: .pickle
    case .caffeModel: .caffeModel
    }
  }
}
