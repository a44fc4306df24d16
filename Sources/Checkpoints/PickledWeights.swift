import Tensors

/// The state dictionary in a pickle, and what else the pickle says.
///
/// Where it is found: `StateSearch`. A pickled module (`torch.save(model)`) counts as the dictionary of
/// its parameters and buffers.
struct PickledWeights {
  let stateDictionary: StateDictionary
  let attributes: PickleValue
  let module: PickledModule?

  /// Whether the state dictionary, or the module, is what was pickled, and not something within it.
  let isRoot: Bool

  /// Finds and reads the state dictionary.
  init(
    _ graph: PickleGraph, source: (any PyTorchStorageSource)? = nil, fileByteCount: Int
  ) throws(CheckpointError) {
    try UnreadableTensors.refuse(in: graph)
    var collector = Collector(
      interpreter: PickleInterpreter(graph, source: source), fileByteCount: fileByteCount)
    let finding = try StateSearch.run(&collector.interpreter)
    var module: PickledModule?
    var chosen: [[String]] = []
    switch finding {
    case .whole(let candidate):
      chosen = [candidate.path]
      switch candidate.content {
      case .dictionary(let pairs): try collector.collect(pairs, prefix: "")
      case .module(let members):
        try collector.collect(module: members, prefix: "", depth: 0)
        module = try PickledModule(
          candidate.index, members: members, interpreter: &collector.interpreter)
      }
    case .parts(let candidates):
      for candidate in candidates {
        chosen.append(candidate.path)
        guard case .dictionary(let pairs) = candidate.content, let name = candidate.path.last else {
          continue
        }
        try collector.collect(pairs, prefix: name + ".")
      }
    }
    stateDictionary = collector.result
    self.module = module
    isRoot = chosen == [[]]
    attributes = .dictionary(
      try collector.attributes(graph.root, without: chosen, depth: 0))
  }
}

/// Gathers named tensors, and what stands among them that is no tensor.
private struct Collector {
  typealias Index = PickleGraph.Index
  typealias Pairs = [(key: Index, value: Index)]

  var interpreter: PickleInterpreter
  let fileByteCount: Int
  var result = StateDictionary()
  private var rest: [PickleValue.Entry] = []
  private var byteCount = 0

  init(interpreter: PickleInterpreter, fileByteCount: Int) {
    self.interpreter = interpreter
    self.fileByteCount = fileByteCount
  }

  mutating func collect(_ pairs: Pairs, prefix: String) throws(CheckpointError) {
    for (key, value) in pairs {
      if interpreter.isTensor(value) {
        try add(value, key: key, prefix: prefix)
      } else {
        rest.append(
          PickleValue.Entry(key: interpreter.value(key), value: interpreter.value(value)))
      }
    }
  }

  /// What the file says beside the chosen dictionaries: the entries of the mapping, and in place of
  /// each chosen one what it holds that is no tensor.
  mutating func attributes(
    _ index: Index, without chosen: [[String]], depth: Int
  ) throws(CheckpointError) -> [PickleValue.Entry] {
    if chosen.contains([]) { return rest }
    let graph = interpreter.graph
    var entries: [PickleValue.Entry] = []
    guard let pairs = try interpreter.pairs(index) else {
      // A tuple of the weights and something beside them: its dictionaries count as one.
      for (place, element) in (graph.sequence(index) ?? []).enumerated()
      where depth < CheckpointLimits.nesting {
        let inner = chosen.filter { $0.first == StateSearch.place(place) }
        entries += try attributes(
          element, without: inner.map { Array($0.dropFirst()) }, depth: depth + 1)
      }
      return entries
    }
    for (key, value) in pairs {
      let inner = graph.name(key).map { name in
        chosen.filter { $0.first == name }.map { Array($0.dropFirst()) }
      }
      guard let inner, !inner.isEmpty else {
        entries.append(
          PickleValue.Entry(key: interpreter.value(key), value: interpreter.value(value)))
        continue
      }
      let below = try attributes(value, without: inner, depth: depth + 1)
      if !below.isEmpty {
        entries.append(PickleValue.Entry(key: interpreter.value(key), value: .dictionary(below)))
      }
    }
    return entries
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
      guard let inner = try interpreter.moduleMembers(value) else { continue }
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
