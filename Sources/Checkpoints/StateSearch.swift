import Tensors

/// Finds the state dictionary in a pickle: the mapping of names to tensors that a network was saved as.
///
/// Training scripts wrap it in whatever they please: dictionaries with losses, accuracies and states
/// of optimisers beside it, several levels of them, tuples, parts under keys of their own, or the
/// pickled module itself. A parameter has a name of several parts (`conv1.weight`), which a loss or a
/// rate has not: that, the number of such tensors and the usual keys decide, in this order.
struct StateSearch {
  typealias Index = PickleGraph.Index
  typealias Pairs = [(key: Index, value: Index)]

  /// A mapping that may be the state dictionary.
  struct Candidate {
    /// The keys that lead to it from the root; an element of a sequence has its place, as `[0]`.
    let path: [String]
    let index: Index
    let content: Content
    /// The tensors in it whose names have several parts.
    let parameterCount: Int
    /// The names of the tensors in it; empty for modules.
    let names: [String]
  }

  /// What holds the tensors.
  enum Content {
    case dictionary(Pairs)
    case module(Pairs)
  }

  /// What was found: one mapping, or several that are parts of one network, each under its key.
  enum Finding {
    case whole(Candidate)
    case parts([Candidate])
  }

  /// Keys that training scripts keep the weights under; the first that is there wins.
  private static let usualKeys = [
    "model", "state_dict", "model_state_dict", "model_state", "model_ema", "ema", "ema_state_dict",
    "net", "network", "weights",
  ]

  /// How many levels of dictionaries and sequences are looked through.
  private static let deepest = 4

  /// How many elements of a sequence are looked at: a tuple of a model and something beside it.
  private static let longest = 8

  private var interpreter: PickleInterpreter
  private var candidates: [Candidate] = []

  private init(_ interpreter: PickleInterpreter) { self.interpreter = interpreter }

  /// Finds the state dictionary.
  ///
  /// - Parameter interpreter: the pickle; what was looked at is charged to its budget.
  /// - Returns: the one mapping that is meant.
  /// - Throws: where there is none, or nothing says which of several is meant.
  static func run(_ interpreter: inout PickleInterpreter) throws(CheckpointError) -> Finding {
    var search = StateSearch(interpreter)
    let root = interpreter.graph.root
    try search.visit(root, path: [], depth: 0)
    interpreter = search.interpreter
    return try search.choice(byteOffset: interpreter.graph[root].byteOffset)
  }

  private mutating func visit(
    _ index: Index, path: [String], depth: Int
  ) throws(CheckpointError) {
    let graph = interpreter.graph
    if let members = try interpreter.moduleMembers(index) {
      candidates.append(
        Candidate(
          path: path, index: index, content: .module(members),
          parameterCount: try parameterCount(members, depth: 0), names: []))
      return
    }
    if let pairs = try interpreter.pairs(index) {
      let names = pairs.compactMap { interpreter.isTensor($0.value) ? graph.name($0.key) : nil }
      let count = names.count(where: Self.isParameter)
      if !names.isEmpty {
        candidates.append(
          Candidate(
            path: path, index: index, content: .dictionary(pairs), parameterCount: count,
            names: names))
      }
      guard count == 0, depth < Self.deepest else { return }
      for (key, value) in pairs {
        guard let name = graph.name(key) else { continue }
        try visit(value, path: path + [name], depth: depth + 1)
      }
    } else if depth < Self.deepest, let elements = graph.sequence(index),
      elements.count <= Self.longest
    {
      for (place, element) in elements.enumerated() {
        try visit(element, path: path + [Self.place(place)], depth: depth + 1)
      }
    }
  }

  /// What stands in a path for an element of a sequence.
  static func place(_ index: Int) -> String { "[\(index)]" }

  /// How many parameters a module and the modules in it have; those of the first levels are enough.
  private mutating func parameterCount(
    _ members: Pairs, depth: Int
  ) throws(CheckpointError) -> Int {
    var count = 0
    for (key, value) in members {
      switch interpreter.graph.name(key) {
      case "_parameters": count += try interpreter.pairs(value)?.count ?? 0
      case "_modules" where depth < CheckpointLimits.nesting:
        for (_, inner) in try interpreter.pairs(value) ?? [] {
          if let inner = try interpreter.moduleMembers(inner) {
            count += try parameterCount(inner, depth: depth + 1)
          }
        }
      default: break
      }
    }
    return count
  }

  private static func isParameter(_ name: String) -> Bool {
    name.contains(".") || name.contains("/")
  }

  private func choice(byteOffset: Int) throws(CheckpointError) -> Finding {
    let named = candidates.filter { $0.parameterCount > 0 }
    let candidates = named.isEmpty ? self.candidates : named
    guard let largest = candidates.max(by: { $0.parameterCount < $1.parameterCount }) else {
      throw CheckpointError(.noStateDictionary, byteOffset: byteOffset)
    }
    if candidates.count == 1 { return .whole(candidates[0]) }
    // Beside a whole network others of its size count (averaged weights); small ones do not.
    let large = candidates.filter { $0.parameterCount * 2 >= largest.parameterCount }
    if let root = large.first(where: \.path.isEmpty) { return .whole(root) }
    for key in Self.usualKeys {
      if let usual = large.last(where: { $0.path.last == key }) { return .whole(usual) }
    }
    let rest = candidates.reduce(-largest.parameterCount) { $0 + $1.parameterCount }
    if largest.parameterCount > 8 * rest { return .whole(largest) }
    if let parts = parts(of: candidates) { return .parts(parts) }
    throw CheckpointError(
      .severalStateDictionaries(candidates.map { $0.path.joined(separator: ".") }),
      byteOffset: byteOffset)
  }

  /// The candidates, where they stand side by side and are not several networks of one kind, most
  /// of whose names would be the same.
  private func parts(of candidates: [Candidate]) -> [Candidate]? {
    guard let parent = candidates.first?.path.dropLast() else { return nil }
    var seen: Set<String> = []
    for candidate in candidates {
      let names = Set(candidate.names)
      guard candidate.parameterCount > 0, candidate.path.dropLast() == parent,
        candidate.path.count > parent.count, !names.isEmpty,
        names.intersection(seen).count * 3 < min(names.count, max(seen.count, 1)) * 2
      else { return nil }
      seen.formUnion(names)
    }
    return candidates
  }
}

extension PickleInterpreter {
  /// The members of a pickled `torch.nn.Module`; `nil` where the value is none.
  mutating func moduleMembers(
    _ index: Index
  ) throws(CheckpointError) -> [(key: Index, value: Index)]? {
    guard case .call = graph[index].content, let state = graph[index].state,
      let pairs = try pairs(state)
    else { return nil }
    let names = Set(pairs.prefix(64).compactMap { graph.name($0.key) })
    return names.isSuperset(of: ["_parameters", "_modules"]) ? pairs : nil
  }
}
