import Tensors

/// A file that is no checkpoint of this program, told as what it is and with what to do.
///
/// People give what they have: an archive of the file, another framework's graph, a picture, or the
/// page that a download answered instead of the file.
struct ForeignFile {
  /// What it is, as `an ONNX graph`.
  let what: String
  /// What to do.
  let remedy: String
  /// Where its signature stands.
  let byteOffset: Int

  private struct Signature {
    let bytes: [UInt8]
    var byteOffset = 0
    let what: String
    let remedy: String
  }

  private static let save = "save the weights in the training program (torch.save of state_dict())"
  private static let unpack = "unpack it first"
  private static let picture = "give a checkpoint; pictures are given to 'frcnn detect'"

  /// Sources: the formats' own specifications; file(1)'s magic numbers.
  private static let signatures: [Signature] = [
    Signature(
      bytes: Array("ustar".utf8), byteOffset: 257, what: "a tar archive",
      remedy: "unpack it, or load it in PyTorch and save model.state_dict() with torch.save"),
    Signature(
      bytes: [0x89] + Array("HDF\r\n".utf8), what: "an HDF5 file",
      remedy: "export the weights as safetensors or .npz"),
    Signature(bytes: [0x1F, 0x8B], what: "compressed by gzip", remedy: "unpack it with gunzip"),
    Signature(
      bytes: [0xFD] + Array("7zXZ".utf8) + [0], what: "compressed by xz",
      remedy: "unpack it with unxz"),
    Signature(
      bytes: Array("BZh".utf8), what: "compressed by bzip2", remedy: "unpack it with bunzip2"),
    Signature(
      bytes: [0x28, 0xB5, 0x2F, 0xFD], what: "compressed by Zstandard",
      remedy: "unpack it with unzstd"),
    Signature(bytes: Array("Rar!".utf8), what: "a RAR archive", remedy: unpack),
    Signature(bytes: Array("7z".utf8) + [0xBC, 0xAF], what: "a 7-Zip archive", remedy: unpack),
    Signature(
      bytes: Array("GGUF".utf8), what: "a GGUF file of a language model", remedy: save),
    Signature(
      bytes: Array("TFL3".utf8), byteOffset: 4, what: "a TensorFlow Lite graph", remedy: save),
    Signature(
      bytes: Array("MATLAB 5.0".utf8), what: "a MATLAB file",
      remedy: "save the arrays with numpy.savez"),
    Signature(bytes: [0xFF, 0xD8, 0xFF], what: "a JPEG picture", remedy: picture),
    Signature(bytes: [0x89] + Array("PNG".utf8), what: "a PNG picture", remedy: picture),
    Signature(bytes: Array("GIF8".utf8), what: "a GIF picture", remedy: picture),
    Signature(
      bytes: Array("WEBP".utf8), byteOffset: 8, what: "a WebP picture", remedy: picture),
    Signature(bytes: [0x7F] + Array("ELF".utf8), what: "a program (ELF)", remedy: save),
    Signature(bytes: Array("%PDF".utf8), what: "a PDF document", remedy: save),
    Signature(
      bytes: [4, 0, 0, 0], what: "a file of Torch 7 (.t7)",
      remedy: "load it in Torch and export the weights as .npz"),
  ]

  /// `nil` where nothing is known of such bytes.
  init?(_ storage: ByteStorage) {
    if let found = Self.signatures.first(where: {
      storage.contains($0.bytes, at: $0.byteOffset)
    }) {
      (what, remedy, byteOffset) = (found.what, found.remedy, found.byteOffset)
    } else if Self.isONNX(storage) {
      (what, byteOffset) = ("an ONNX graph", 0)
      remedy = "give the checkpoint that it was exported from"
    } else if let graph = Self.tensorFlowGraph(storage) {
      (what, byteOffset) = (graph, 0)
      remedy = "export the weights as .npz or safetensors"
    } else if let text = ForeignText(storage) {
      (what, remedy, byteOffset) = (text.what, text.remedy, 0)
    } else {
      return nil
    }
  }

  /// A ModelProto begins with its version (field 1, a small number) and its producer's name, a
  /// domain, or the graph itself (fields 2, 4, 7).
  ///
  /// Source: onnx/onnx.proto.
  private static func isONNX(_ storage: ByteStorage) -> Bool {
    guard storage.count > 4, storage.byte(at: 0) == 0x08, (3...20).contains(storage.byte(at: 1))
    else { return false }
    return [0x12, 0x22, 0x3A].contains(storage.byte(at: 2))
  }
}

extension ForeignFile {
  /// What TensorFlow has as protocol buffers: a GraphDef begins with a node (field 1) that begins with its
  /// name (field 1) and its operation (field 2); a SavedModel with its version, 1, and a MetaGraphDef
  /// (field 2).
  ///
  /// Source: tensorflow/core/framework/graph.proto and node_def.proto, core/protobuf/saved_model.proto.
  private static func tensorFlowGraph(_ storage: ByteStorage) -> String? {
    if storage.contains([0x08, 0x01, 0x12], at: 0) { return "a TensorFlow SavedModel" }
    guard storage.count > 8, storage.byte(at: 0) == 0x0A else { return nil }
    // The node's length may take two bytes or three.
    guard let name = (2...4).first(where: { storage.byte(at: $0) == 0x0A }) else { return nil }
    let length = Int(storage.byte(at: name + 1))
    let operation = name + 2 + length
    guard (1...100).contains(length), operation + 2 < storage.count,
      storage.byte(at: operation) == 0x12,
      storage.bytes(in: name + 2..<operation).allSatisfy({ (0x21...0x7e).contains($0) })
    else { return nil }
    return "a TensorFlow graph"
  }
}

/// Text where weights were expected: a page, a pointer to the file, or what a server said instead.
struct ForeignText {
  let what: String
  let remedy: String

  private static let download = "download the file itself"

  /// `nil` where the first bytes are no text.
  init?(_ storage: ByteStorage) {
    var bytes = storage.bytes(in: 0..<min(storage.count, 512))
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    // The cut may go through a character of at most four bytes.
    var text: String?
    for _ in 0..<4 where text == nil {
      text = String(validating: bytes, as: UTF8.self)
      if text == nil, !bytes.isEmpty { bytes.removeLast() }
    }
    guard let text, !text.isEmpty,
      text.unicodeScalars.allSatisfy({
        $0.value >= 0x20 || [0x09, 0x0A, 0x0C, 0x0D].contains($0.value)
      })
    else { return nil }
    let trimmed = String(text.drop(while: \.isWhitespace))
    let lower = trimmed.lowercased()
    let tags = ["<!doctype html", "<html", "<head", "<body", "<script", "<title"]
    if trimmed.hasPrefix("version https://git-lfs") {
      (what, remedy) = ("a Git LFS pointer, not the file itself", "run git lfs pull")
    } else if lower.contains("/annex/objects/") {
      (what, remedy) = ("a git-annex pointer, not the file itself", "run git annex get")
    } else if lower.hasPrefix("outs:") || lower.contains("\nouts:") {
      (what, remedy) = ("a DVC pointer, not the file itself", "run dvc pull")
    } else if lower.hasPrefix("<?xml") || lower.hasPrefix("<net"), lower.contains("<net ") {
      (what, remedy) = ("an OpenVINO graph", "give the checkpoint that it was converted from")
    } else if tags.contains(where: lower.hasPrefix) {
      (what, remedy) = ("a web page", Self.download)
    } else if lower.hasPrefix("<") {
      (what, remedy) = ("XML text, as of a server's error: \(Self.excerpt(trimmed))", Self.download)
    } else if trimmed.hasPrefix("{"), trimmed.contains("\"weight_map\"") {
      what = "the index of a checkpoint in several files"
      remedy = "give its path, so that the files beside it are found"
    } else {
      what = "text: \(Self.excerpt(trimmed))"
      remedy = "download the file again, or give the checkpoint itself"
    }
  }

  /// The first line, quoted.
  private static func excerpt(_ text: String) -> String {
    let line = text.prefix { !$0.isNewline }
    return CheckpointError.quoted(line.count > 80 ? line.prefix(80) + "…" : String(line))
  }
}
