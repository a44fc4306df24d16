public import FasterRCNN
public import Threads
public import Training
public import TrainingData

/// Why a training ended before its time.
public enum RunError: Error, Sendable, CustomStringConvertible {
  /// A step failed: the training diverged, or the engine did.
  case training(TrainingError)
  /// A picture cannot be read any more.
  case picture(TrainingSetError)
  /// The model as it is cannot be opened.
  case model(ModelError)
  /// The model as it is cannot look at a picture.
  case detector(name: String, DetectorError)
  /// A saved training is of another one; each difference in words.
  case otherTraining([String])
  /// The system has no thread to give.
  case thread(ThreadError)

  /// One sentence for a person.
  public var description: String {
    switch self {
    case .training(let error): "\(error)"
    case .picture(let error): "\(error)"
    case .model(let error): "\(error)"
    case .detector(let name, let error): "\(name): \(error)"
    case .otherTraining(let differences):
      "the saved training is another one: \(differences.joined(separator: "; ")); give the options that it "
        + "was begun with, or begin anew with another output"
    case .thread(let error): "\(error)"
    }
  }
}
