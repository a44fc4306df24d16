public import Checkpoints
public import Tensors

/// All that a file tells of its family: its tensors, what was saved beside them, and its neighbours.
public struct Evidence: Sendable {
  /// What the file is.
  public let format: CheckpointFormat

  /// The tensors under the file's own names.
  public let state: StateDictionary

  /// What the file says beside its tensors.
  public let attributes: PickleValue

  /// Whether the weights are all that was saved, by themselves.
  let isFlat: Bool

  /// The network as it was pickled whole; `nil` for a file of weights alone.
  public let module: PickledModule?

  /// The file's name without its folder; `nil` where it has none.
  public let fileName: String?

  /// Gives the bytes of a file beside the checkpoint, at most 1 MiB of them; `nil` where there is none.
  let neighbour: @Sendable (_ name: String) throws(CardError) -> [UInt8]?

  /// Gathers the evidence.
  ///
  /// - Parameters:
  ///   - checkpoint: the file.
  ///   - fileName: its name without its folder.
  ///   - neighbour: gives the bytes of a file beside it; `nil` where there is none.
  public init(
    _ checkpoint: Checkpoint, fileName: String? = nil,
    neighbour: @escaping @Sendable (_ name: String) throws(CardError) -> [UInt8]? = {
      (_) throws(CardError) in nil
    }
  ) {
    format = checkpoint.format
    state = checkpoint.stateDictionary
    attributes = checkpoint.attributes
    isFlat = checkpoint.isFlat
    module = checkpoint.module
    self.fileName = fileName
    self.neighbour = neighbour
  }

  /// Evidence of tensors that are in no file yet, under the names that the family's files have.
  public init(_ state: StateDictionary) {
    format = .safetensors
    self.state = state
    attributes = .none
    isFlat = true
    module = nil
    fileName = nil
    neighbour = { (_) throws(CardError) in nil }
  }
}

extension Evidence {
  /// The rows of a tensor; `nil` where it is not there or has none.
  func rows(_ name: String) -> Int? { state[name]?.shape.dimensions.first }

  /// Whether layers are normalised and none of them has statistics from training.
  var hasGroupNormalisation: Bool {
    let names = state.names
    return !names.contains { $0.hasSuffix(".running_var") }
      && names.contains { $0.hasSuffix("norm.weight") || $0.contains(".gn") }
  }
}

extension Evidence {
  /// The names of classes that many training scripts save beside the weights.
  var labels: ModelCard {
    var card = ModelCard()
    for name in ["classes", "class_names", "labels", "CLASSES"] {
      guard let elements = attributes[name].map(ConfigValue.init)?.elements else { continue }
      let isBackground = ["__background__", "background"].contains(elements.first?.text ?? "")
      let labels = ConfigValue.list(isBackground ? Array(elements.dropFirst()) : elements)
      if ModelCard.Key.labels.form.accepts(labels) { card[.labels] = labels }
    }
    return card
  }
}
