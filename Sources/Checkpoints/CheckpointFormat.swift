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
  /// Caffe's protocol buffer of a trained network (`.caffemodel`).
  case caffeModel

  /// The name that people know it by.
  public var description: String {
    switch self {
    case .safetensors: "safetensors"
    case .numPyArray: "NumPy array"
    case .numPyArchive: "NumPy archive"
    case .pyTorchArchive: "PyTorch archive"
    case .pyTorchLegacy: "PyTorch legacy stream"
    case .pickle: "pickle of arrays"
    case .caffeModel: "Caffe model"
    }
  }
}
