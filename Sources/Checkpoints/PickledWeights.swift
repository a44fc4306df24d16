import Tensors

/// The state dictionary in a pickle, and what else the pickle says.
///
/// The state dictionary is the root if that maps names to tensors; otherwise the value of one of the
/// usual keys, or the only value that maps names to tensors. A pickled module (`torch.save(model)`)
/// counts as the dictionary of its parameters and buffers.
struct PickledWeights {
  let stateDictionary: StateDictionary
  let attributes: PickleValue

  /// Keys that training scripts keep the weights under, the first that is there wins.
  private static let usualKeys = [
    "model", "state_dict", "model_state_dict", "model_state", "net", "network", "weights",
  ]

  /// Finds and reads the state dictionary.
  init(
    _ graph: PickleGraph, source: (any PyTorchStorageSource)? = nil, fileByteCount: Int
  ) throws(CheckpointError) {
    var collector = Collector(
      interpreter: PickleInterpreter(graph, source: source), fileByteCount: fileByteCount)
    let root = graph.root
    if let pairs = try collector.dictionary(root) {
      try collector.collect(pairs)
      self.stateDictionary = collector.result
      self.attributes = .dictionary(collector.rest)
      return
    }
    if let members = try collector.module(root) {
      try collector.collect(module: members, prefix: "", depth: 0)
      self.stateDictionary = collector.result
      self.attributes = .dictionary([])
      return
    }
    let pairs = try collector.interpreter.pairs(root) ?? []
    var candidates: [(name: String, index: PickleGraph.Index)] = []
    for (key, value) in pairs {
      guard let name = graph.name(key) else { continue }
      if try collector.dictionary(value) != nil {
        candidates.append((name, value))
      } else if try collector.module(value) != nil {
        candidates.append((name, value))
      }
    }
    let usual = Self.usualKeys.lazy.compactMap { key in candidates.last { $0.name == key } }.first
    guard let chosen = usual ?? (candidates.count == 1 ? candidates[0] : nil) else {
      throw CheckpointError(
        candidates.isEmpty
          ? .noStateDictionary : .severalStateDictionaries(candidates.map(\.name)),
        byteOffset: graph[root].byteOffset)
    }
    if let pairs = try collector.dictionary(chosen.index) {
      try collector.collect(pairs)
    } else if let members = try collector.module(chosen.index) {
      try collector.collect(module: members, prefix: "", depth: 0)
    }
    self.stateDictionary = collector.result
    var entries: [PickleValue.Entry] = []
    for (key, value) in pairs where graph.name(key) != chosen.name {
      entries.append(
        PickleValue.Entry(
          key: collector.interpreter.value(key), value: collector.interpreter.value(value)))
    }
    if !collector.rest.isEmpty {
      entries.append(
        PickleValue.Entry(key: .text(chosen.name), value: .dictionary(collector.rest)))
    }
    self.attributes = .dictionary(entries)
  }
}

/// Gathers named tensors, and what stands among them that is no tensor.
private struct Collector {
  typealias Index = PickleGraph.Index
  typealias Pairs = [(key: Index, value: Index)]

  var interpreter: PickleInterpreter
  let fileByteCount: Int
  var result = StateDictionary()
  var rest: [PickleValue.Entry] = []
  private var byteCount = 0

  init(interpreter: PickleInterpreter, fileByteCount: Int) {
    self.interpreter = interpreter
    self.fileByteCount = fileByteCount
  }

  /// The pairs of a mapping that has tensors among its values.
  mutating func dictionary(_ index: Index) throws(CheckpointError) -> Pairs? {
    guard let pairs = try interpreter.pairs(index),
      pairs.contains(where: { interpreter.isTensor($0.value) })
    else { return nil }
    return pairs
  }

  /// The members of a pickled `torch.nn.Module`.
  mutating func module(_ index: Index) throws(CheckpointError) -> Pairs? {
    let graph = interpreter.graph
    guard case .call = graph[index].content, let state = graph[index].state,
      let pairs = try interpreter.pairs(state)
    else { return nil }
    let names = Set(pairs.prefix(64).compactMap { graph.name($0.key) })
    return names.isSuperset(of: ["_parameters", "_modules"]) ? pairs : nil
  }

  mutating func collect(_ pairs: Pairs) throws(CheckpointError) {
    for (key, value) in pairs {
      if interpreter.isTensor(value) {
        try add(value, key: key, prefix: "")
      } else {
        rest.append(
          PickleValue.Entry(key: interpreter.value(key), value: interpreter.value(value)))
      }
    }
  }

  /// Parameters and buffers of a module and of the modules in it, named as `state_dict` names them.
  mutating func collect(
    module members: Pairs, prefix: String, depth: Int
  ) throws(CheckpointError) {
    let graph = interpreter.graph
    func member(_ name: String) -> Index? {
      members.last { graph.name($0.key) == name }?.value
    }
    for group in ["_parameters", "_buffers"] {
      guard let index = member(group), let pairs = try interpreter.pairs(index) else { continue }
      for (key, value) in pairs where interpreter.isTensor(value) {
        try add(value, key: key, prefix: prefix)
      }
    }
    guard let index = member("_modules"), let pairs = try interpreter.pairs(index) else { return }
    for (key, value) in pairs {
      guard let inner = try module(value) else { continue }
      let offset = graph[value].byteOffset
      guard let name = graph.name(key), depth < CheckpointLimits.nesting else {
        throw CheckpointError(
          .malformed("the modules in the pickle are nested too deep or have no name"),
          byteOffset: offset)
      }
      let path = prefix + name + "."
      guard path.utf8.count <= CheckpointLimits.pickleNameByteCount else {
        throw CheckpointError(.malformed("the name of a module is too long"), byteOffset: offset)
      }
      try collect(module: inner, prefix: path, depth: depth + 1)
    }
  }

  private mutating func add(
    _ value: Index, key: Index, prefix: String
  ) throws(CheckpointError) {
    let graph = interpreter.graph
    guard let name = graph.name(key) else {
      throw CheckpointError(
        .malformed("a tensor is not named by a short text"), byteOffset: graph[key].byteOffset)
    }
    do throws(CheckpointError) {
      guard let tensor = try interpreter.tensor(value) else { return }
      guard result.count < CheckpointLimits.tensorCount else {
        throw CheckpointError(
          .limitExceeded(
            what: "the number of tensors", value: UInt64(result.count) + 1,
            limit: CheckpointLimits.tensorCount))
      }
      let limit = CheckpointLimits.tensorByteCount(ofFile: fileByteCount)
      let (sum, overflow) = byteCount.addingReportingOverflow(tensor.byteCount)
      guard !overflow, sum <= limit else {
        throw CheckpointError(
          .limitExceeded(
            what: "the size of all tensors in bytes", value: overflow ? .max : UInt64(sum),
            limit: limit))
      }
      byteCount = sum
      result[prefix + name] = tensor
    } catch {
      throw error.naming(prefix + name).at(graph[value].byteOffset)
    }
  }
}
