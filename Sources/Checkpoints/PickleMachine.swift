import Tensors

/// A machine for Python's pickles that executes nothing.
///
/// It keeps a stack and a memo and puts values together as the instructions say, but where Python
/// would import a class, call it or set its state, it notes that in the graph and goes on. Nothing
/// is looked up by name, so a pickle can do no more than describe values; what a description means
/// is decided later, and only of values that are needed (`PickleInterpreter`).
///
/// Instructions are those of protocols 2 to 5 that picklers write for data, and those of protocol 1
/// that need no text parsing. Bounds: the number of values, of instructions and of memo entries, each
/// instruction's operand by the end of the file. There is no recursion.
///
/// Source: the documentation of opcodes in CPython's Lib/pickletools.py.
struct PickleMachine {
  /// The protocols that start with the PROTO instruction.
  static let protocols: ClosedRange<UInt8> = 2...5

  private typealias Index = PickleGraph.Index

  private var reader: ByteReader
  private var graph: PickleGraph
  private var stack: [Index] = []
  /// The heights of the stack at each MARK that no instruction has taken back yet.
  private var marks: [Int] = []
  private var memo: [UInt32: Index] = [:]
  /// Where the instruction at work starts.
  private var place = 0

  /// Runs the pickle that starts where a reader stands, and moves the reader behind it.
  static func run(_ reader: inout ByteReader) throws(CheckpointError) -> PickleGraph {
    var machine = PickleMachine(reader)
    try machine.run()
    reader = machine.reader
    return machine.graph
  }

  private init(_ reader: ByteReader) {
    self.reader = reader
    self.graph = PickleGraph(storage: reader.storage)
  }

  private mutating func run() throws(CheckpointError) {
    var operationCount = 0
    while true {
      place = reader.offset
      operationCount += 1
      guard operationCount <= CheckpointLimits.pickleOperationCount else {
        throw tooMany("instructions", limit: CheckpointLimits.pickleOperationCount)
      }
      let code = try reader.readByte("the next instruction of the pickle")
      guard let operation = PickleOperation(rawValue: code) else {
        throw malformed("the instruction 0x\(String(code, radix: 16)) is not read")
      }
      if operation == .stop {
        graph.root = try pop()
        return
      }
      try perform(operation)
    }
  }

  private mutating func perform(_ operation: PickleOperation) throws(CheckpointError) {
    switch operation {
    case .stop: break
    case .proto:
      let version = try reader.readByte("the pickle's protocol")
      guard version <= Self.protocols.upperBound else {
        throw malformed("the protocol \(version) is not read")
      }
    case .frame:
      // A frame tells how many bytes to read ahead; here the file lies in memory anyway.
      let length = try reader.read(UInt64.self, "a frame")
      guard length <= UInt64(reader.available) else {
        throw CheckpointError(
          .truncated(what: "a frame", needed: length, available: reader.available),
          byteOffset: place)
      }
    case .mark: marks.append(stack.count)
    case .pop:
      // Python drops a mark where one stands on top.
      if marks.last == stack.count { marks.removeLast() } else { _ = try pop() }
    case .popMark: _ = try popMark()
    case .duplicate: stack.append(try top())
    case .none, .newTrue, .newFalse, .binInt, .binInt1, .binInt2, .long1, .long4, .binFloat,
      .binUnicode, .shortBinUnicode, .binUnicode8, .binString, .shortBinString, .binBytes,
      .shortBinBytes, .binBytes8, .byteArray8:
      try push(try readScalar(operation))
    case .emptyTuple: try push(.tuple)
    case .emptyList: try push(.list)
    case .emptyDictionary: try push(.dictionary)
    case .emptySet: try push(.set)
    case .tuple1: try push(.tuple, try pop(1))
    case .tuple2: try push(.tuple, try pop(2))
    case .tuple3: try push(.tuple, try pop(3))
    case .tuple: try push(.tuple, try popMark())
    case .list: try push(.list, try popMark())
    case .frozenSet: try push(.set, try popMark())
    case .dictionary:
      let members = try popMark()
      try push(.dictionary)
      try setItems(members)
    case .append: try append([try pop()])
    case .appends, .addItems: try append(try popMark())
    case .setItem: try setItems(try pop(2))
    case .setItems: try setItems(try popMark())
    case .get: try recall(UInt32(try reader.readByte("a memo place")))
    case .longGet: try recall(try reader.read(UInt32.self, "a memo place"))
    case .put: try memorise(UInt32(try reader.readByte("a memo place")))
    case .longPut: try memorise(try reader.read(UInt32.self, "a memo place"))
    case .memoize: try memorise(UInt32(truncatingIfNeeded: memo.count))
    case .global, .stackGlobal, .reduce, .newObject, .newObjectWithKeywords, .build, .persistent:
      try note(operation)
    }
  }

  /// What Python would import, call or change is put into the graph as a node.
  private mutating func note(_ operation: PickleOperation) throws(CheckpointError) {
    switch operation {
    case .global:
      let module = try readLine()
      try push(.global(module: module, name: try readLine()))
    case .stackGlobal:
      let names = try pop(2)
      guard case .text(let module) = graph[names[0]].content,
        case .text(let name) = graph[names[1]].content,
        max(module.count, name.count) <= CheckpointLimits.pickleNameByteCount
      else { throw malformed("a class is not named by two short strings") }
      try push(.global(module: module, name: name))
    case .reduce, .newObject:
      let parts = try pop(2)
      guard case .tuple = graph[parts[1]].content else {
        throw malformed("a call's arguments are no tuple")
      }
      try push(.call, parts)
    case .newObjectWithKeywords:
      let parts = try pop(3)
      guard case .tuple = graph[parts[1]].content else {
        throw malformed("a call's arguments are no tuple")
      }
      try push(.call, parts)
    case .build:
      let state = try pop()
      let target = Int(try top())
      graph.nodes[target].state = state
    case .persistent: try push(.persistent, try pop(1))
    default: preconditionFailure("\(operation) makes no such node")
    }
  }
}

extension PickleMachine {
  /// Reads the operand of an instruction that pushes a plain value.
  private mutating func readScalar(
    _ operation: PickleOperation
  ) throws(CheckpointError) -> PickleGraph.Node.Content {
    switch operation {
    case .none: return .none
    case .newTrue: return .boolean(true)
    case .newFalse: return .boolean(false)
    case .binInt: return .integer(Int(Int32(truncatingIfNeeded: try readCount(4))))
    case .binInt1: return .integer(Int(try readCount(1)))
    case .binInt2: return .integer(Int(try readCount(2)))
    case .long1: return try readInteger(byteCount: try readCount(1))
    case .long4: return try readInteger(byteCount: try readCount(4))
    case .binFloat:
      // The one operand that is big-endian.
      let bits = try reader.read(UInt64.self, "a number").byteSwapped
      return .number(Double(bitPattern: bits))
    case .binUnicode: return .text(try readPart(try readCount(4)))
    case .shortBinUnicode: return .text(try readPart(try readCount(1)))
    case .binUnicode8: return .text(try readPart(try readCount(8)))
    case .binString: return .rawText(try readPart(try readCount(4)))
    case .shortBinString: return .rawText(try readPart(try readCount(1)))
    case .binBytes: return .bytes(try readPart(try readCount(4)))
    case .shortBinBytes: return .bytes(try readPart(try readCount(1)))
    case .binBytes8, .byteArray8: return .bytes(try readPart(try readCount(8)))
    default: preconditionFailure("\(operation) pushes no plain value")
    }
  }

  private mutating func readInteger(
    byteCount: UInt64
  ) throws(CheckpointError) -> PickleGraph.Node.Content {
    guard byteCount <= UInt64(CheckpointLimits.pickleIntegerByteCount) else {
      throw CheckpointError(
        .limitExceeded(
          what: "the length of a whole number", value: byteCount,
          limit: CheckpointLimits.pickleIntegerByteCount), byteOffset: place)
    }
    let part = try readPart(byteCount)
    guard part.count <= 8 else { return .hugeInteger(part) }
    guard let last = part.last else { return .integer(0) }
    // Two's complement: the highest bit of the last byte is the sign.
    var value = Int(Int8(bitPattern: reader.storage.byte(at: last)))
    for offset in part.dropLast().reversed() {
      value = value << 8 | Int(reader.storage.byte(at: offset))
    }
    return .integer(value)
  }

  private mutating func readCount(_ byteCount: Int) throws(CheckpointError) -> UInt64 {
    let what = "an operand of the pickle"
    switch byteCount {
    case 1: return UInt64(try reader.readByte(what))
    case 2: return UInt64(try reader.read(UInt16.self, what))
    case 4: return UInt64(try reader.read(UInt32.self, what))
    default: return try reader.read(UInt64.self, what)
    }
  }

  private mutating func readPart(_ count: UInt64) throws(CheckpointError) -> Range<Int> {
    try reader.readPart(count, "an operand of the pickle")
  }

  /// Reads a name up to the end of its line.
  private mutating func readLine() throws(CheckpointError) -> Range<Int> {
    let start = reader.offset
    while try reader.readByte("a name in the pickle") != UInt8(ascii: "\n") {
      guard reader.offset - start <= CheckpointLimits.pickleNameByteCount else {
        throw malformed("a name is too long")
      }
    }
    return start..<reader.offset - 1
  }
}

extension PickleMachine {
  private mutating func push(
    _ content: PickleGraph.Node.Content, _ elements: [PickleGraph.Index] = []
  ) throws(CheckpointError) {
    let limit = CheckpointLimits.pickleNodeCount
    guard graph.nodes.count < limit else { throw tooMany("values", limit: limit) }
    stack.append(Index(graph.nodes.count))
    graph.nodes.append(
      PickleGraph.Node(content: content, byteOffset: place, elements: elements))
  }

  /// The height that no instruction may take the stack below: that of the last mark.
  private var floor: Int { marks.last ?? 0 }

  private func top() throws(CheckpointError) -> PickleGraph.Index {
    guard stack.count > floor, let last = stack.last else { throw malformed("the stack is empty") }
    return last
  }

  private mutating func pop() throws(CheckpointError) -> PickleGraph.Index {
    let last = try top()
    stack.removeLast()
    return last
  }

  private mutating func pop(_ count: Int) throws(CheckpointError) -> [PickleGraph.Index] {
    guard stack.count - floor >= count else { throw malformed("the stack is empty") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popMark() throws(CheckpointError) -> [PickleGraph.Index] {
    guard let height = marks.popLast() else { throw malformed("there is no mark on the stack") }
    defer { stack.removeLast(stack.count - height) }
    return Array(stack[height...])
  }

  private mutating func append(_ elements: [PickleGraph.Index]) throws(CheckpointError) {
    let target = Int(try top())
    switch graph.nodes[target].content {
    case .list, .set, .call: graph.nodes[target].elements += elements
    default: throw malformed("something is appended to what is no list")
    }
  }

  private mutating func setItems(_ members: [PickleGraph.Index]) throws(CheckpointError) {
    let target = Int(try top())
    guard members.count.isMultiple(of: 2) else { throw malformed("a key has no value") }
    switch graph.nodes[target].content {
    case .dictionary, .call: graph.nodes[target].members += members
    default: throw malformed("an item is set in what is no dictionary")
    }
  }

  private mutating func memorise(_ index: UInt32) throws(CheckpointError) {
    let value = try top()
    guard memo.count < CheckpointLimits.pickleNodeCount || memo[index] != nil else {
      throw tooMany("remembered values", limit: CheckpointLimits.pickleNodeCount)
    }
    memo[index] = value
  }

  private mutating func recall(_ index: UInt32) throws(CheckpointError) {
    guard let value = memo[index] else {
      throw malformed("nothing is remembered at place \(index)")
    }
    stack.append(value)
  }

  private func malformed(_ what: String) -> CheckpointError {
    CheckpointError(.malformed("the pickle is malformed: \(what)"), byteOffset: place)
  }

  private func tooMany(_ what: String, limit: Int) -> CheckpointError {
    CheckpointError(
      .limitExceeded(
        what: "the number of \(what) in the pickle", value: UInt64(limit) + 1, limit: limit),
      byteOffset: place)
  }
}
