internal import Files
public import Tensors

/// Writes a safetensors file, tensor by tensor, so that memory stays bounded by a block.
///
/// As in the reference implementation, tensors with wider elements come first, then by name, and
/// the header is padded to a multiple of 8: every tensor is aligned to its elements. The header's
/// members are sorted, so that equal tensors give equal bytes.
public struct SafetensorsWriter: Sendable {
  /// The bytes written so far and all bytes of the tensors, for a progress bar.
  public typealias Progress = (_ writtenByteCount: Int, _ byteCount: Int) -> Void

  /// One tensor's place in the file.
  private struct Plan {
    let name: String
    let tensor: StoredTensor
    let elementType: ElementType
    var byteCount: Int { tensor.shape.count * elementType.byteCount }
  }

  private static let blockElementCount = 1 << 18

  private let header: [UInt8]
  private let plans: [Plan]
  private let dataByteCount: Int

  /// Plans a file.
  ///
  /// - Parameters:
  ///   - dictionary: the tensors, and the words of the header's `__metadata__`.
  ///   - floatType: `float32`, `float16` or `bfloat16`, which every floating-point tensor is
  ///     converted to; left out, each keeps its type. Integers keep theirs in any case.
  ///   - keptNames: tensors that keep their type all the same.
  /// - Throws: a name or a size that the format cannot hold.
  public init(
    _ dictionary: StateDictionary, floatType: ElementType? = nil,
    keeping keptNames: Set<String> = []
  ) throws(CheckpointError) {
    var plans: [Plan] = []
    for name in dictionary.names {
      guard let tensor = dictionary[name] else { continue }
      guard name != Safetensors.metadataKey else {
        throw CheckpointError(
          .malformed("a tensor cannot have the name that the format keeps for metadata"),
          tensorName: name)
      }
      let isConverted = tensor.elementType.isFloatingPoint && !keptNames.contains(name)
      let type = isConverted ? floatType : nil
      plans.append(Plan(name: name, tensor: tensor, elementType: type ?? tensor.elementType))
    }
    plans.sort {
      ($1.elementType.byteCount, $0.name) < ($0.elementType.byteCount, $1.name)
    }
    var json = "{"
    if !dictionary.metadata.isEmpty {
      let members = dictionary.metadata.sorted { $0.key < $1.key }
        .map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
      json += "\"\(Safetensors.metadataKey)\":{\(members.joined(separator: ","))}"
    }
    var offset = 0
    for plan in plans {
      if json.utf8.count > 1 { json += "," }
      let shape = plan.tensor.shape.dimensions.map(String.init).joined(separator: ",")
      let (end, overflow) = offset.addingReportingOverflow(plan.byteCount)
      guard !overflow else {
        throw CheckpointError(
          .limitExceeded(what: "the tensors' size", value: .max, limit: .max),
          tensorName: plan.name)
      }
      json += """
        \(Self.quoted(plan.name)):{"dtype":"\(Self.name(of: plan.elementType))",\
        "shape":[\(shape)],"data_offsets":[\(offset),\(end)]}
        """
      offset = end
    }
    json += "}"
    let padding = (8 - json.utf8.count % 8) % 8
    json += String(repeating: " ", count: padding)
    let length = UInt64(json.utf8.count)
    guard length <= UInt64(CheckpointLimits.safetensorsHeaderByteCount) else {
      throw CheckpointError(
        .limitExceeded(
          what: "the header's length", value: length,
          limit: CheckpointLimits.safetensorsHeaderByteCount))
    }
    self.header =
      (0..<Safetensors.lengthByteCount).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
      + Array(json.utf8)
    self.plans = plans
    self.dataByteCount = offset
  }

  /// The size of the whole file in bytes.
  public var byteCount: Int { header.count + dataByteCount }

  /// Writes the file to a new file and puts that in the place of whatever is there.
  ///
  /// Readers see the old file or the whole new one, never a part; on an error nothing of the new one
  /// stays, and the old one does. A device or a pipe is written into.
  ///
  /// - Parameters:
  ///   - path: where the file shall be.
  ///   - progress: called after each block.
  /// - Throws: which step failed, and why.
  public func write(to path: String, progress: Progress = { _, _ in }) throws(CheckpointError) {
    do throws(FileError) {
      let file = try AtomicFile(replacing: FileName(path))
      do throws(FileError) {
        try emit(progress: progress) { (block) throws(FileError) in try file.write(block) }
        try file.commit()
      } catch {
        file.discard()
        throw error
      }
    } catch {
      var located = CheckpointError(.unwritable("\(error)"))
      located.path = path
      throw located
    }
  }

  /// The file's bytes in memory, for small files and tests.
  public func bytes() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    emit(progress: { _, _ in }) { (block) throws(Never) in bytes += block }
    return bytes
  }

  private func emit<Failure: Error>(
    progress: Progress, _ sink: ([UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    try sink(header)
    var written = 0
    for plan in plans {
      for block in Self.blocks(of: plan.tensor) {
        let bytes = block.contiguousBytes(as: plan.elementType)
        // A mapped file is read once: without this the whole of it would stay in memory.
        block.releasePages()
        try sink(bytes)
        written += bytes.count
        progress(written, dataByteCount)
      }
    }
  }

  /// The parts of a tensor in row-major order, each of at most `blockElementCount` elements; where
  /// gaps forbid to cut an index of the outermost axis, it is a part of its own.
  private static func blocks(of tensor: StoredTensor) -> [StoredTensor] {
    guard tensor.shape.count > blockElementCount else { return [tensor] }
    let whole = tensor.flattened ?? tensor
    let rows = whole.shape[0]
    let step = max(1, blockElementCount / (whole.shape.count / rows))
    return stride(from: 0, to: rows, by: step).map { whole.slice($0..<min($0 + step, rows)) }
  }

  private static func name(of type: ElementType) -> String {
    guard let name = Safetensors.elementTypes.first(where: { $0.value == type })?.key else {
      preconditionFailure("the format has no name for \(type)")
    }
    return name
  }

  /// A JSON string (RFC 8259 section 7).
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
