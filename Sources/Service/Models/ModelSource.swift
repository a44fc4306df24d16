/// Where a model comes from.
public struct ModelSource: Sendable {
  /// What requests call it; `nil` for the name that it has itself, where a service has one model.
  public var name: String?

  /// Opens it; called on a thread of the service's own, once for each loading.
  public var open: @Sendable () throws -> any DetectionBackend

  /// Makes a source.
  public init(name: String? = nil, open: @escaping @Sendable () throws -> any DetectionBackend) {
    self.name = name
    self.open = open
  }
}
