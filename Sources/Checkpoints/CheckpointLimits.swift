/// What a file may ask for at most, so that reading one takes bounded time and memory.
///
/// A Faster R-CNN has some hundred tensors in four levels of nesting; each limit is far above that
/// and far below what would hurt.
enum CheckpointLimits {
  /// The bytes of a safetensors header: the reference implementation's own limit.
  static let safetensorsHeaderByteCount = 100_000_000

  /// The tensors of one file, and the entries of one archive.
  static let tensorCount = 100_000

  /// The axes of one tensor, as many as NumPy allows.
  static let rank = 64

  /// The bytes of the text that heads a NumPy array; NumPy itself reads 10,000 unless told to trust.
  static let numPyHeaderByteCount = 65_535

  /// The values that one pickle makes, and the instructions it takes to make them.
  static let pickleNodeCount = 500_000
  static let pickleOperationCount = 2_000_000

  /// The bytes of a whole number, and of a name (of a class, a tensor, a storage), in a pickle.
  static let pickleIntegerByteCount = 255
  static let pickleNameByteCount = 1000

  /// The levels of nesting in what a pickle says beside its tensors.
  static let nesting = 64

  /// The values in what a pickle says beside its tensors, each counted as often as it is reached.
  static let attributeCount = 1_000_000

  /// The bytes of one text or byte string in what a pickle says beside its tensors.
  static let attributeByteCount = 16 << 20

  /// The growth of deflated bytes: the format itself cannot do more (RFC 1951: 258 bytes for two
  /// bits, rounded up by zlib's documentation to 1032).
  static let deflateRatio = 1032

  /// The bytes that all entries of an archive may be inflated to together.
  ///
  /// Trained weights hardly shrink; 64 MiB leave room for small files full of zeros.
  static func inflatedByteCount(ofFile byteCount: Int) -> Int {
    scaled(byteCount, by: 20, plus: 64 << 20)
  }

  /// The bytes of all tensors of a file together, counted by their shapes.
  ///
  /// Views may share their storage, and an axis of stride zero repeats it; neither may turn a small
  /// file into more memory than this.
  static func tensorByteCount(ofFile byteCount: Int) -> Int {
    scaled(byteCount, by: 4, plus: 64 << 20)
  }

  /// The bytes of a pickle that may be copied to mend their order or their encoding: all of them,
  /// and some twice.
  static func copiedByteCount(ofFile byteCount: Int) -> Int { scaled(byteCount, by: 2, plus: 0) }

  private static func scaled(_ byteCount: Int, by factor: Int, plus allowance: Int) -> Int {
    let (product, overflow) = byteCount.multipliedReportingOverflow(by: factor)
    let (sum, sumOverflow) = product.addingReportingOverflow(allowance)
    return overflow || sumOverflow ? .max : sum
  }
}
