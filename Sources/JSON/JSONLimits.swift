/// How much a JSON text may ask of its reader.
public struct JSONLimits: Sendable {
  /// The deepest nesting of objects and arrays.
  public var depth: Int

  /// The longest name or text in bytes, base64 aside.
  public var textBytes: Int

  /// The most members of an object.
  public var members: Int

  /// Makes limits; those that a request is held to where nothing else is said.
  ///
  /// - Parameters:
  ///   - depth: the deepest nesting of objects and arrays.
  ///   - textBytes: the longest name or text in bytes.
  ///   - members: the most members of an object.
  public init(depth: Int = 16, textBytes: Int = 4 << 10, members: Int = 128) {
    self.depth = depth
    self.textBytes = textBytes
    self.members = members
  }
}
