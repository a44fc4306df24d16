internal import Checkpoints
public import Tensors

extension Model {
  /// Opens a model that is in memory, as a training has it.
  ///
  /// - Parameters:
  ///   - dictionary: what a file of the model would hold, with its settings in the metadata.
  ///   - options: what the caller chooses over the dictionary's own word.
  /// - Returns: the model, whose weights are views of the dictionary's.
  /// - Throws: `ModelError` as `open(_:options:)`.
  public static func open(
    contentsOf dictionary: StateDictionary, options: Options = Options()
  ) throws(ModelError) -> Model {
    try ModelContents.open(contentsOf: dictionary, options: options).model
  }
}

extension ModelContents {
  /// Opens what a file would hold.
  static func open(
    contentsOf dictionary: StateDictionary, options: Model.Options
  ) throws(ModelError) -> ModelContents {
    try ModelContents(Checkpoint(dictionary), neighbours: nil, beside: nil, options: options)
  }
}
