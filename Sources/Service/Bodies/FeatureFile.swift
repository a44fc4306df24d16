internal import Checkpoints
internal import JSON
internal import Tensors

/// Reads feature maps out of `.npy` and safetensors files: one copy, from the body into the tensor.
enum FeatureFile {
  /// The files that are read.
  enum Kind {
    case numPyArray, safetensors
  }

  /// The name of the tensor in a safetensors file, where there is one feature map.
  static let tensorName = "features"

  /// The name of one of several maps: `features.0` is the finest.
  static func tensorName(ofLevel level: Int) -> String { "\(tensorName).\(level)" }

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
      return [tensor]
    }
  }

  /// Reads a safetensors file with a tensor `features`, or `features.0`, `features.1`, ...; what its
  /// metadata say of sizes counts where the request says nothing.
  static func safetensors(_ bytes: [UInt8]) throws(Problem) -> FeatureBody {
    try read(bytes, as: .safetensors) { (state) throws(Problem) in
      if let tensor = state[tensorName] { return [tensor] }
      let levels = (0..<FeatureBody.maximumLevels).map { state[tensorName(ofLevel: $0)] }
        .prefix { $0 != nil }.compactMap { $0 }
      guard !levels.isEmpty else {
        throw Problem(
          .malformedRequest,
          "The safetensors file has no tensor '\(tensorName)' or '\(tensorName(ofLevel: 0))'; it has "
            + state.names.prefix(20).joined(separator: ", ").excerpt + ".")
      }
      return levels
    }
  }

  private static func read(
    _ bytes: [UInt8], as format: CheckpointFormat,
    _ choose: (StateDictionary) throws(Problem) -> [StoredTensor]
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
        let tensors = try choose(state)
        for tensor in tensors where !tensor.elementType.isFloatingPoint {
          throw Problem(
            .malformedRequest,
            "The features are of type \(tensor.elementType.rawValue); they have to be floats.")
        }
        var body = FeatureBody(levels: tensors.map { $0.float32Tensor() })
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
