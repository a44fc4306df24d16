extension String {
  /// The text itself where it is short, else its beginning: what a stranger sent is repeated to it, but not at
  /// length.
  package var excerpt: String { count <= 64 ? self : prefix(64) + "..." }
}
