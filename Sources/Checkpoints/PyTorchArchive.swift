import Tensors

/// The zip that `torch.save` writes: `<root>/data.pkl`, storages as `<root>/data/<key>`, and
/// `<root>/byteorder` in newer files.
///
/// Source: torch/serialization.py (`_save`, `_load`) and caffe2/serialize/inline_container.h.
struct PyTorchArchive: PyTorchStorageSource {
  private let archive: ZipArchive
  /// What every name in the archive starts with, for instance `archive/`.
  private let root: String
  private let isBigEndian: Bool
  private var found: [String: (storage: ByteStorage, part: Range<Int>)] = [:]

  /// Whether a zip is such an archive, TorchScript included.
  static func recognises(_ archive: ZipArchive) -> Bool { pickle(in: archive) != nil }

  private static func pickle(in archive: ZipArchive) -> ZipArchive.Entry? {
    archive.entries.first { $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl") }
  }

  /// Reads the tensors, which point into the file, and what else the pickle says.
  ///
  /// Checksums are verified of everything but the storages, which are not read here at all.
  static func read(_ archive: ZipArchive) throws(CheckpointError) -> PickledWeights {
    guard let entry = pickle(in: archive) else {
      throw CheckpointError(.malformed("the archive has no data.pkl"), byteOffset: 0)
    }
    let source = try PyTorchArchive(archive, root: String(entry.name.dropLast("data.pkl".count)))
    let (storage, part) = try archive.contents(of: entry, isVerified: true)
    var reader = ByteReader(storage, part)
    let graph = try PickleMachine.run(&reader)
    return try PickledWeights(graph, source: source, fileByteCount: archive.storage.count)
  }

  private init(_ archive: ZipArchive, root: String) throws(CheckpointError) {
    for entry in archive.entries
    where entry.name == root + "constants.pkl" || entry.name.hasPrefix(root + "code/") {
      throw CheckpointError(
        .unsupported(
          "the file is a TorchScript program",
          remedy: "load it with torch.jit.load and save model.state_dict() with torch.save"),
        byteOffset: entry.byteOffset)
    }
    self.archive = archive
    self.root = root
    guard let entry = archive[root + "byteorder"] else {
      // Files from before PyTorch 2.0 do not say; big-endian ones are not known to exist.
      self.isBigEndian = false
      return
    }
    let (storage, part) = try archive.contents(of: entry, isVerified: true)
    if part.count == 6, storage.contains("little".utf8, at: part.lowerBound) {
      self.isBigEndian = false
    } else if part.count == 3, storage.contains("big".utf8, at: part.lowerBound) {
      self.isBigEndian = true
    } else {
      throw CheckpointError(
        .malformed("the byte order is neither little nor big"), byteOffset: part.lowerBound,
        tensorName: entry.name)
    }
  }

  mutating func storage(
    _ reference: PyTorchStorageReference
  ) throws(CheckpointError) -> (storage: ByteStorage, part: Range<Int>) {
    if let known = found[reference.key] {
      try check(known.part, reference)
      return known
    }
    guard let entry = archive[root + "data/" + reference.key] else {
      throw CheckpointError(
        .malformed("the archive lacks the storage \(CheckpointError.quoted(reference.key))"),
        byteOffset: 0)
    }
    var contents = try archive.contents(of: entry, isVerified: false)
    try check(contents.part, reference)
    if isBigEndian && reference.type.elementByteCount > 1 {
      let swapped = ByteStorage(
        swapping: contents.storage, contents.part,
        elementByteCount: reference.type.elementByteCount)
      contents = (swapped, 0..<swapped.count)
    } else if isBigEndian && reference.type.isUntyped {
      throw CheckpointError(
        .unsupported(
          "an untyped storage is big-endian", remedy: "save the file on another machine"),
        byteOffset: entry.byteOffset)
    }
    found[reference.key] = contents
    return contents
  }

  private func check(
    _ part: Range<Int>, _ reference: PyTorchStorageReference
  ) throws(CheckpointError) {
    let (needed, overflow) = reference.count.multipliedReportingOverflow(
      by: reference.type.elementByteCount)
    guard !overflow, needed == part.count else {
      throw CheckpointError(
        .sizeMismatch(needed: overflow ? .max : needed, found: part.count),
        byteOffset: part.lowerBound)
    }
  }
}
