/// Named tensors and the words that came with them: what a checkpoint is, whatever its format.
public struct StateDictionary: Sendable {
  /// The names in the order of the file.
  public private(set) var names: [String] = []

  /// Strings that the file carries beside the tensors.
  public var metadata: [String: String]

  private var tensors: [String: StoredTensor] = [:]

  /// Makes an empty dictionary.
  public init(metadata: [String: String] = [:]) {
    self.metadata = metadata
  }

  /// The tensor of a name, if there is one.
  public subscript(name: String) -> StoredTensor? {
    get { tensors[name] }
    set {
      if let newValue {
        if tensors.updateValue(newValue, forKey: name) == nil { names.append(name) }
      } else if tensors.removeValue(forKey: name) != nil {
        names.removeAll { $0 == name }
      }
    }
  }

  /// The number of tensors.
  public var count: Int { names.count }

  /// The number of elements of all tensors.
  public var parameterCount: Int {
    tensors.values.reduce(0) { $0 + $1.shape.count }
  }
}
