extension String {
  /// The text itself where it is short, else its beginning: what stands in hostile bytes is repeated to
  /// whoever sent them, but not at length.
  var excerpt: String { count <= 64 ? self : prefix(64) + "..." }
}
