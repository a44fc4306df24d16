internal import Tensors

/// The names of a state dictionary as a tree: which parts begin with which others.
struct TensorNames {
  /// No canonical name has as many parts, and a name of a million points would make a million entries.
  private static let depth = 8

  private var children: [String: Set<String>] = [:]

  init(_ state: StateDictionary) {
    for name in state.names {
      var path = ""
      for part in name.split(separator: ".", maxSplits: Self.depth) {
        children[path, default: []].insert(String(part))
        path += path.isEmpty ? part : "." + part
      }
    }
  }

  /// Whether there is a tensor whose name begins with `prefix` and a point.
  func hasTensors(below prefix: String) -> Bool { children[prefix] != nil }

  /// The integers N for which there is a tensor whose name begins with `prefix.N` and a point, ascending.
  func indices(below prefix: String) -> [Int] {
    (children[prefix] ?? []).compactMap(Int.init).filter { hasTensors(below: "\(prefix).\($0)") }
      .sorted()
  }

  /// How many of `prefix.0`, `prefix.1` and so on there are; an error where one is left out.
  func count(
    below prefix: String, first layer: String, for purpose: String
  ) throws(ArchitectureError) -> Int {
    let indices = indices(below: prefix)
    if let gap = indices.indices.first(where: { indices[$0] != $0 }) {
      throw .missing(tensor: "\(prefix).\(gap)\(layer).weight", neededFor: purpose)
    }
    return indices.count
  }
}
