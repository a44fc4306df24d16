/// Tensors of PyTorch that are no plain arrays of numbers: a file with one among its weights is told
/// what it is, since a network would otherwise lack layers for no visible reason.
///
/// Source: torch/_utils.py (`_rebuild_qtensor`, `_rebuild_sparse_tensor`, ...).
enum UnreadableTensors {
  private struct Kind {
    let name: String
    let what: String
    let remedy: String
  }

  private static let floats = "save the state_dict of the float32 model"

  private static let kinds = [
    Kind(name: "_rebuild_qtensor", what: "the model is quantised", remedy: floats),
    Kind(
      name: "_rebuild_sparse_tensor", what: "the file holds sparse tensors",
      remedy: "call to_dense() on them before saving"),
    Kind(
      name: "_rebuild_meta_tensor_no_storage",
      what: "the file holds tensors without values (on the device meta)",
      remedy: "load the weights before saving"),
    Kind(
      name: "_rebuild_nested_tensor", what: "the file holds nested tensors",
      remedy: "save plain tensors"),
  ]

  /// Refuses a pickle that would make such a tensor.
  static func refuse(in graph: PickleGraph) throws(CheckpointError) {
    let lengths = Set(kinds.map(\.name.utf8.count))
    for node in graph.nodes {
      guard case .global(_, let part) = node.content, lengths.contains(part.count),
        let name = graph.storage.text(in: part),
        let kind = kinds.first(where: { $0.name == name })
      else { continue }
      throw CheckpointError(
        .unsupported(kind.what, remedy: kind.remedy), byteOffset: node.byteOffset)
    }
  }
}
