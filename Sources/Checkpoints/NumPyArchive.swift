import Tensors

/// A zip of `.npy` files: what `numpy.savez` and `numpy.savez_compressed` write, and Chainer's
/// serialiser through them.
enum NumPyArchive {
  private static let suffix = ".npy"

  /// Whether a zip has an array in it.
  static func recognises(_ archive: ZipArchive) -> Bool {
    archive.entries.contains { $0.name.hasSuffix(suffix) }
  }

  /// Reads the arrays, whose checksums are all verified.
  ///
  /// Stored arrays are views of the file. Arrays of what is no number (Chainer writes `None` as an
  /// array of objects) are left out of the dictionary; the second result names them and says why.
  static func read(
    _ archive: ZipArchive
  ) throws(CheckpointError) -> (StateDictionary, skipped: PickleValue) {
    var dictionary = StateDictionary()
    var skipped: [PickleValue.Entry] = []
    for entry in archive.entries where entry.name.hasSuffix(suffix) {
      let name = String(entry.name.dropLast(suffix.count))
      do throws(CheckpointError) {
        let (storage, part) = try archive.contents(of: entry, isVerified: true)
        dictionary[name] = try NumPyArray.read(storage, part)
      } catch {
        let located = error.naming(name)
        guard case .unsupportedElementType = error.reason else { throw located }
        skipped.append(PickleValue.Entry(key: .text(name), value: .unreadable(located)))
      }
    }
    return (dictionary, .dictionary(skipped))
  }
}
