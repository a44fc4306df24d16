/// Why a row has no answer, or why the work ends.
public struct BatchError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong; the number is the exit status of a command that ends for it.
  public enum Kind: Int, Sendable {
    /// The options do not fit what is there.
    case usage = 64
    /// The contents of a file are wrong.
    case brokenInput = 65
    /// A file or a folder cannot be read.
    case missingInput = 66
    /// The model computed what is no number.
    case internalError = 70
    /// The results cannot be written.
    case cannotCreate = 73
  }

  /// What is wrong.
  public var kind: Kind

  /// What happened, and how to mend it.
  public var description: String

  /// Makes an error.
  public init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}
