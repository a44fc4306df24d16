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
}
