import Tensors

extension PickleInterpreter {
  /// A value as a tree; what cannot be read stands there as `unreadable`.
  mutating func value(_ index: Index) -> PickleValue { weigh(index).value }

  private mutating func weigh(_ index: Index) -> Weighed {
    if let known = values[index] { return known }
    let result: Weighed
    do throws(CheckpointError) {
      guard ancestors.count < CheckpointLimits.nesting else {
        throw CheckpointError(
          .limitExceeded(
            what: "the nesting of the pickle's values", value: UInt64(ancestors.count) + 1,
            limit: CheckpointLimits.nesting), byteOffset: graph[index].byteOffset)
      }
      guard ancestors.insert(index).inserted else {
        // Not remembered: within itself a value is unreadable, but not seen from outside.
        return Weighed(
          value: .unreadable(CheckpointError(.recursion, byteOffset: graph[index].byteOffset)),
          weight: 1)
      }
      defer { ancestors.remove(index) }
      visitedCount += 1
      guard visitedCount <= CheckpointLimits.attributeCount else { throw tooMany(index) }
      var weight = 1
      let value = try convert(index, &weight)
      guard weight <= CheckpointLimits.attributeCount else { throw tooMany(index) }
      result = Weighed(value: value, weight: weight)
    } catch {
      result = Weighed(value: .unreadable(error), weight: 1)
    }
    values[index] = result
    return result
  }

  private mutating func convert(
    _ index: Index, _ weight: inout Int
  ) throws(CheckpointError) -> PickleValue {
    let node = graph[index]
    switch node.content {
    case .none: return .none
    case .boolean(let value): return .boolean(value)
    case .integer(let value): return .integer(value)
    case .hugeInteger(let part): return .hugeInteger(graph.storage.bytes(in: part))
    case .number(let value): return .number(value)
    case .text(let part):
      try check(part, index)
      return .text(String(decoding: graph.storage.bytes(in: part), as: UTF8.self))
    case .rawText(let part):
      try check(part, index)
      return graph.storage.text(in: part).map { .text($0) }
        ?? .bytes(graph.storage.bytes(in: part))
    case .bytes(let part):
      try check(part, index)
      return .bytes(graph.storage.bytes(in: part))
    case .tuple: return .tuple(try children(node.elements, index, &weight))
    case .list: return .list(try children(node.elements, index, &weight))
    case .set: return .set(try children(node.elements, index, &weight))
    case .dictionary: return try dictionary(index, &weight)
    case .global:
      return .global(graph.global(index) ?? "?")
    case .persistent:
      return .object(
        name: "persistent", arguments: try children(node.elements, index, &weight), state: nil)
    case .call: return try convertCall(index, &weight)
    }
  }

  private mutating func convertCall(
    _ index: Index, _ weight: inout Int
  ) throws(CheckpointError) -> PickleValue {
    if let tensor = try tensor(index) { return .tensor(tensor) }
    let node = graph[index]
    if let call = graph.call(index) {
      switch call.name {
      case "torch.Size", "builtins.tuple", "__builtin__.tuple":
        if let first = call.arguments.first, let elements = graph.sequence(first) {
          return .tuple(try children(elements, index, &weight))
        }
      case "builtins.set", "__builtin__.set", "builtins.frozenset", "__builtin__.frozenset":
        if let first = call.arguments.first, let elements = graph.sequence(first) {
          return .set(try children(elements, index, &weight))
        }
      case _ where Self.scalarMakers.contains(call.name):
        if let value = try scalar(call.arguments) { return value }
      default:
        if graph.pairs(index) != nil { return try dictionary(index, &weight) }
      }
    }
    // An object that means nothing here, with all that the file says of it.
    let arguments = graph.sequence(node.elements[1]) ?? []
    return .object(
      name: graph.global(node.elements[0]) ?? "?",
      arguments: try children(arguments + node.elements.dropFirst(2), index, &weight),
      state: try node.state.map { (state) throws(CheckpointError) in
        try children([state], index, &weight)[0]
      })
  }

  private mutating func children(
    _ indices: [Index], _ parent: Index, _ weight: inout Int
  ) throws(CheckpointError) -> [PickleValue] {
    visitedCount += indices.count
    guard visitedCount <= CheckpointLimits.attributeCount else { throw tooMany(parent) }
    var result: [PickleValue] = []
    for index in indices {
      let child = weigh(index)
      weight += child.weight
      result.append(child.value)
    }
    return result
  }

  private mutating func dictionary(
    _ index: Index, _ weight: inout Int
  ) throws(CheckpointError) -> PickleValue {
    var entries: [PickleValue.Entry] = []
    var places: [String: Int] = [:]
    for (key, value) in try pairs(index) ?? [] {
      let pair = try children([key, value], index, &weight)
      let entry = PickleValue.Entry(key: pair[0], value: pair[1])
      if let name = entry.key.text, let place = places.updateValue(entries.count, forKey: name) {
        places[name] = place
        entries[place] = entry
      } else {
        entries.append(entry)
      }
    }
    return .dictionary(entries)
  }

  private func check(_ part: Range<Int>, _ index: Index) throws(CheckpointError) {
    guard part.count <= CheckpointLimits.attributeByteCount else {
      throw CheckpointError(
        .limitExceeded(
          what: "the length of a text or byte string", value: UInt64(part.count),
          limit: CheckpointLimits.attributeByteCount), byteOffset: graph[index].byteOffset)
    }
  }
}
