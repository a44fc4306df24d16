internal import Checkpoints
internal import Tensors

/// Reads feature maps out of `.npy` and safetensors files: one copy, from the body into the tensor.
enum FeatureFile {
  /// The files that are read.
  enum Kind {
    case numPyArray, safetensors
  }

  /// The name of the tensor in a safetensors file.
  static let tensorName = "features"

  /// What a body is by its first bytes; `nil` for anything else, as a picture.
  static func kind(of bytes: [UInt8]) -> Kind? {
    if bytes.starts(with: [0x93] + Array("NUMPY".utf8)) { return .numPyArray }
    // The header's length, little-endian, and the header: no picture has its ninth byte a brace and
    // six of the first eight zero.
    let isSafetensors =
      bytes.count > 10 && bytes[8] == UInt8(ascii: "{") && bytes[4..<8].allSatisfy { $0 == 0 }
    return isSafetensors ? .safetensors : nil
  }

  /// Reads a file of `numpy.save`.
  static func numPyArray(_ bytes: [UInt8]) throws(Problem) -> FeatureBody {
    try read(bytes, as: .numPyArray) { (state) throws(Problem) in
      guard let name = state.names.first, let tensor = state[name] else {
        throw Problem(.malformedRequest, "The file holds no array.")
      }
      return tensor
    }
  }

  /// Reads a safetensors file with a tensor `features`; what its metadata say of sizes counts where the
  /// request says nothing.
  static func safetensors(_ bytes: [UInt8]) throws(Problem) -> FeatureBody {
    try read(bytes, as: .safetensors) { (state) throws(Problem) in
      guard let tensor = state[tensorName] else {
        throw Problem(
          .malformedRequest,
          "The safetensors file has no tensor '\(tensorName)'; it has "
            + state.names.prefix(20).joined(separator: ", ").excerpt + ".")
      }
      return tensor
    }
  }

  private static func read(
    _ bytes: [UInt8], as format: CheckpointFormat,
    _ choose: (StateDictionary) throws(Problem) -> StoredTensor
  ) throws(Problem) -> FeatureBody {
    let result = unsafe bytes.withUnsafeBytes { bytes -> Result<FeatureBody, Problem> in
      // Safety: the storage and every view of it end with this closure; the values are copied out.
      let storage = unsafe ByteStorage(adopting: bytes, release: { _ in })
      do throws(Problem) {
        let state: StateDictionary
        do throws(CheckpointError) {
          state = try Checkpoint(contentsOf: storage, as: format).stateDictionary
        } catch {
          throw Problem(.malformedRequest, "The body cannot be read as \(format): \(error)")
        }
        let tensor = try choose(state)
        guard tensor.elementType.isFloatingPoint else {
          throw Problem(
            .malformedRequest,
            "The features are of type \(tensor.elementType.rawValue); they have to be floats.")
        }
        var body = FeatureBody(values: tensor.float32Tensor())
        for parameter in [Parameter.imageSize, .scale, .originalSize] {
          if let value = state.metadata[parameter.rawValue] {
            body.parameters.append(NamedValue(name: parameter.rawValue, value: value))
          }
        }
        return .success(body)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
