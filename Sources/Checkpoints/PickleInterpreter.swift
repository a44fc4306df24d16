import Tensors

/// Gives meaning to the graph of a pickle: tensors where they are asked for, plain values otherwise.
///
/// Only the calls listed here mean something; each is read as data (a tensor is a storage, an offset,
/// a size and strides), and none is carried out. Work is bounded by budgets for the whole file, since
/// a small graph can be reached along many paths.
struct PickleInterpreter {
  typealias Index = PickleGraph.Index

  let graph: PickleGraph
  var source: (any PyTorchStorageSource)?
  var visitedCount = 0
  var copiedByteCount = 0
  var values: [Index: Weighed] = [:]
  var ancestors: Set<Index> = []

  /// A value and the number of values in it, each counted as often as it is reached.
  struct Weighed {
    let value: PickleValue
    let weight: Int
  }

  /// Makes an interpreter; without a source of storages, only NumPy's arrays become tensors.
  init(_ graph: PickleGraph, source: (any PyTorchStorageSource)? = nil) {
    self.graph = graph
    self.source = source
  }

  /// Keys and values of a mapping, `nil` where the value is none; their number is charged to the
  /// budget of the file.
  mutating func pairs(
    _ index: Index
  ) throws(CheckpointError) -> [(key: Index, value: Index)]? {
    let pairs = graph.pairs(index)
    visitedCount += 1 + (pairs?.count ?? 0)
    guard visitedCount <= CheckpointLimits.attributeCount else { throw tooMany(index) }
    return pairs
  }

  func tooMany(_ index: Index) -> CheckpointError {
    let limit = CheckpointLimits.attributeCount
    return CheckpointError(
      .limitExceeded(
        what: "the number of values reached in the pickle", value: UInt64(limit) + 1, limit: limit),
      byteOffset: graph[index].byteOffset)
  }
}
