import Tensors

/// The values that a pickle made, as a graph: values may be shared, and may even contain themselves.
///
/// Nothing in it has been interpreted: what a pickle would have called stands there as a call.
struct PickleGraph {
  /// The place of a value in the graph.
  typealias Index = Int32

  /// One value.
  struct Node {
    /// What kind of value it is; text and bytes are left where they are in the file.
    enum Content {
      case none
      case boolean(Bool)
      case integer(Int)
      /// A whole number beyond 64 bits, in two's complement, lowest byte first.
      case hugeInteger(Range<Int>)
      case number(Double)
      /// UTF-8.
      case text(Range<Int>)
      /// A string of Python 2, which is text or bytes.
      case rawText(Range<Int>)
      case bytes(Range<Int>)
      case tuple, list, set
      /// Key, value, key, value ... in `members`.
      case dictionary
      /// A class or function: module and name.
      case global(module: Range<Int>, name: Range<Int>)
      /// What calling the first element with the second (a tuple) would give; further elements were
      /// appended to it, `members` were set, `state` was given to it.
      case call
      /// What the file keeps elsewhere under the identity that is the only element.
      case persistent
    }

    var content: Content
    /// Where the instruction stands that made it.
    let byteOffset: Int
    var elements: [Index] = []
    var members: [Index] = []
    var state: Index?
  }

  /// The file that texts and bytes lie in.
  let storage: ByteStorage

  /// All values, in the order in which they were made.
  var nodes: [Node] = []

  /// The result of the pickle.
  var root: Index = 0

  /// A value.
  subscript(index: Index) -> Node { nodes[Int(index)] }
}

extension PickleGraph {
  /// A value as a name: a string of either Python, if it is valid UTF-8 and not too long.
  ///
  /// Many values may share one text; the bound keeps reading all of them cheap.
  func name(_ index: Index) -> String? {
    switch self[index].content {
    case .text(let part), .rawText(let part):
      part.count <= CheckpointLimits.pickleNameByteCount ? storage.text(in: part) : nil
    default: nil
    }
  }

  /// A value as a whole number.
  func integer(_ index: Index) -> Int? {
    guard case .integer(let value) = self[index].content else { return nil }
    return value
  }

  /// A value as a truth; Python's numbers count as such.
  func boolean(_ index: Index) -> Bool? {
    switch self[index].content {
    case .boolean(let value): value
    case .integer(let value): value != 0
    default: nil
    }
  }

  /// The elements of a tuple or a list.
  func sequence(_ index: Index) -> [Index]? {
    switch self[index].content {
    case .tuple, .list: self[index].elements
    default: nil
    }
  }

  /// A tuple or a list of whole numbers, as many as a tensor has axes at most; a `torch.Size` is
  /// one too.
  func integers(_ index: Index) -> [Int]? {
    var index = index
    if let call = call(index), call.name == "torch.Size", let first = call.arguments.first {
      index = first
    }
    guard let elements = sequence(index), elements.count <= CheckpointLimits.rank else {
      return nil
    }
    var values: [Int] = []
    for element in elements {
      guard let value = integer(element) else { return nil }
      values.append(value)
    }
    return values
  }

  /// A class or function as `module.name`.
  func global(_ index: Index) -> String? {
    guard case .global(let module, let name) = self[index].content,
      let module = storage.text(in: module), let name = storage.text(in: name)
    else { return nil }
    return "\(module).\(name)"
  }

  /// A call of a class or function that has a name.
  func call(_ index: Index) -> (name: String, arguments: [Index])? {
    let node = self[index]
    guard case .call = node.content, let name = global(node.elements[0]),
      let arguments = sequence(node.elements[1])
    else { return nil }
    return (name, arguments)
  }

  /// Keys and values of a dictionary, an `OrderedDict`, or another mapping that items were set in.
  func pairs(_ index: Index) -> [(key: Index, value: Index)]? {
    let node = self[index]
    var pairs: [(key: Index, value: Index)] = []
    switch node.content {
    case .dictionary: break
    case .call:
      guard let call = call(index), Self.mappings.contains(call.name) else { return nil }
      // Python 2 gives an OrderedDict its items as a list of pairs.
      for item in call.arguments.first.flatMap({ sequence($0) }) ?? [] {
        guard let pair = sequence(item), pair.count == 2 else { return nil }
        pairs.append((pair[0], pair[1]))
      }
    default: return nil
    }
    for place in stride(from: 0, to: node.members.count - 1, by: 2) {
      pairs.append((node.members[place], node.members[place + 1]))
    }
    return pairs
  }

  private static let mappings: Set<String> = [
    "collections.OrderedDict", "collections.defaultdict", "collections.Counter",
  ]
}
