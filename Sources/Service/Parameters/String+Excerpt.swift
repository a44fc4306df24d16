extension String {
  /// The text itself where it is short, else its beginning: what a client sent is repeated to it, but
  /// not at length.
  var excerpt: String { count <= 64 ? self : prefix(64) + "..." }
}
