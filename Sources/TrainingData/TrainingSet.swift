public import Training

/// Annotated pictures to train on, one at a time: what a folder holds, or what a program makes.
///
/// It is called from a thread beside the computation.
public protocol TrainingSet: Sendable {
  /// The names of the classes, without background; a class's number is its place here.
  var labels: [String] { get }

  /// The number of pictures.
  var count: Int { get }

  /// The name of a picture, for people; traps on an index that is not below `count`.
  func name(at index: Int) -> String

  /// Reads a picture and its objects; the same one for the same index.
  ///
  /// - Throws: `TrainingSetError` where it cannot be read or decoded.
  func example(at index: Int) throws(TrainingSetError) -> TrainingExample
}

/// Why a picture of a set cannot be used.
public struct TrainingSetError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The picture's file or name.
  public var path: String

  /// What is wrong, as a clause.
  public var reason: String

  /// Whether the file is missing or cannot be read, rather than wrong.
  public var isMissingInput: Bool

  /// Makes an error.
  public init(path: String, reason: String, isMissingInput: Bool = false) {
    self.path = path
    self.reason = reason
    self.isMissingInput = isMissingInput
  }

  /// The file and the reason in one line.
  public var description: String { "\(path): \(reason)" }
}
