import Tensors

/// The file formats that are read.
public enum CheckpointFormat: String, Sendable, CaseIterable, CustomStringConvertible {
  /// Hugging Face safetensors.
  case safetensors

  /// The name that people know it by.
  public var description: String {
    switch self {
    case .safetensors: "safetensors"
    }
  }
}
