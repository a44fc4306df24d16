public import Compute
public import Families
public import Images
public import Networks

/// Why a model cannot be trained, or a training cannot go on.
public enum TrainingError: Error, Sendable, CustomStringConvertible {
  /// The tensors make no network.
  case architecture(ArchitectureError)

  /// The settings of a model make no sense.
  case family(FamilyError)

  /// The engine failed, or has no gradient for a layer.
  case compute(ComputeError)

  /// A picture cannot be resized for the network.
  case picture(name: String, ImageError)

  /// What was asked for cannot be; the reason is a sentence that says what to do.
  case unusable(String)

  /// A state that does not belong to this model.
  case state(String)

  /// A loss or a gradient is not a number or grew beyond bounds; the weights are those before the step.
  ///
  /// `layer` is the first whose result is not finite, in the order in which they are computed; `nil` where
  /// all are.
  case diverged(iteration: Int, pictures: [String], layer: String?, loss: Float)

  /// One sentence for a person.
  public var description: String {
    switch self {
    case .architecture(let error): "\(error)"
    case .family(let error): "\(error)"
    case .compute(let error): "\(error)"
    case .picture(let name, let error): "picture \"\(name)\": \(error)"
    case .unusable(let reason): reason
    case .state(let reason): "the saved training does not fit: \(reason)"
    case .diverged(let iteration, let pictures, let layer, let loss):
      "the training diverged in step \(iteration), at "
        + "\(pictures.count == 1 ? "picture" : "the pictures") "
        + pictures.map { "\"\($0)\"" }.joined(separator: ", ")
        + (layer.map { ": layer \($0) gives what is no finite number" } ?? ": the loss is \(loss)")
        + "; the weights are those before that step. A lower rate, a longer warm-up or a bound for the "
        + "gradients' norm helps"
    }
  }
}
