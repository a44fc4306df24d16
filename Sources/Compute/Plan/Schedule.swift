internal import Tensors

/// A kernel of this project's own, bound to its tensors.
protocol NativeStep {
  /// Runs on the calling thread's team.
  func run()
}

/// The steps of a plan in their order, and from which step to which each tensor is needed.
struct Schedule {
  /// A kernel with the tensors it works on.
  struct Step {
    enum Work {
      case primitive(Primitive, [(Argument, Memory)])
      case native(any NativeStep)
    }

    var report: Plan.Step
    var work: Work
  }

  /// A tensor that lies in the arena.
  struct Resident {
    var memory: Memory
    /// The resident whose bytes this one takes over: a convolution that adds to a sum writes where
    /// the sum lies.
    var root: Int
    var first: Int
    var last: Int
  }

  private(set) var steps: [Step] = []
  private(set) var residents: [Resident] = []
  /// Memory that one step alone needs.
  private(set) var scratch: [(memory: Memory, step: Int)] = []
  /// Parts of the network's inputs that steps read, and the inputs themselves: they move with them.
  private(set) var inputRegions: [(memory: Memory, input: Int)] = []
  /// Tensors at fixed places, which live as long as the plan.
  private(set) var constants: [Memory] = []

  private var residentOf: [ObjectIdentifier: Int] = [:]
  private var inputOf: [ObjectIdentifier: Int] = [:]

  /// Says that a tensor is one of the network's inputs.
  mutating func addInput(_ memory: Memory, number: Int) {
    inputOf[ObjectIdentifier(memory)] = number
    inputRegions.append((memory, number))
  }

  /// Makes room for a value that steps write part by part.
  mutating func addResident(_ memory: Memory) {
    residentOf[ObjectIdentifier(memory)] = residents.count
    residents.append(
      Resident(memory: memory, root: residents.count, first: steps.count, last: steps.count))
  }

  /// Places a tensor where another one lies.
  mutating func addAlias(_ alias: Memory, of memory: Memory) {
    if let index = residentOf[ObjectIdentifier(memory)] {
      residentOf[ObjectIdentifier(alias)] = residents.count
      residents.append(
        Resident(
          memory: alias, root: residents[index].root, first: steps.count, last: steps.count))
    } else if let input = inputOf[ObjectIdentifier(memory)] {
      addInput(alias, number: input)
    } else {
      preconditionFailure("a part of a tensor that lies nowhere")
    }
  }

  /// Keeps a tensor at a fixed place, such as weights.
  mutating func keep(_ memory: Memory) { constants.append(memory) }

  /// Adds a step that reads some tensors and writes one, which takes over the bytes of `root`.
  mutating func add(
    _ step: Step, reading sources: [Memory], writing destination: Memory, over root: Memory? = nil
  ) {
    place(destination, reading: sources, over: root)
    steps.append(step)
  }

  /// Room for the next step alone.
  mutating func addScratch(_ layout: TensorLayout) throws(ComputeError) -> Memory {
    let memory = try Memory(layout)
    scratch.append((memory, steps.count))
    return memory
  }

  /// Gives what the next step writes a place in the arena, or the bytes of `root`, and keeps what it
  /// reads until then.
  private mutating func place(
    _ destination: Memory, reading sources: [Memory], over root: Memory?
  ) {
    for memory in sources { extendLife(of: memory, to: steps.count) }
    if residentOf[ObjectIdentifier(destination)] == nil {
      let rootIndex = root.flatMap { residentOf[ObjectIdentifier($0)] }
      residentOf[ObjectIdentifier(destination)] = residents.count
      residents.append(
        Resident(
          memory: destination, root: rootIndex.map { residents[$0].root } ?? residents.count,
          first: steps.count, last: steps.count))
    }
    // Where it is part of a value, that has its place already.
    extendLife(of: destination, to: steps.count)
  }

  /// Keeps a tensor until behind the last step.
  mutating func keepToTheEnd(_ memory: Memory) { extendLife(of: memory, to: steps.count) }

  private mutating func extendLife(of memory: Memory, to step: Int) {
    guard let index = residentOf[ObjectIdentifier(memory)] else { return }
    let root = residents[index].root
    residents[root].last = max(residents[root].last, step)
  }

  /// The resident that a tensor is; `nil` where it does not lie in the arena.
  func resident(of memory: Memory) -> Int? { residentOf[ObjectIdentifier(memory)] }

  /// The number of the network's input that a tensor is a part of.
  func input(of memory: Memory) -> Int? { inputOf[ObjectIdentifier(memory)] }
}
