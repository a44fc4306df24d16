/// Why a file is of no family that is run here.
public enum FamilyError: Error, Sendable, Equatable, CustomStringConvertible {
  /// No family has the name.
  case unknown(name: String)

  /// Nothing here knows the tensors' names; the first of them, and how many there are.
  case unrecognised(names: [String], count: Int)

  /// The file is known to be something else, and this is what, and what to do.
  case stranger(what: String, remedy: String)

  /// A file of settings is there and cannot be read.
  case unreadable(source: String, reason: String)

  /// What the file or its settings say does not fit.
  case settings(source: String, reason: String)

  /// One or two sentences: what is wrong and how to mend it.
  public var description: String {
    switch self {
    case .unknown(let name):
      "there is no profile \"\(name)\"; choose one of "
        + Family.all.map(\.name).joined(separator: ", ")
    case .unrecognised(let names, let count):
      "the file is of no family of Faster R-CNN known here; it has \(count) tensors"
        + (names.isEmpty
          ? "" : ": " + names.map { "\"\($0)\"" }.joined(separator: ", ") + ", ...")
    case .stranger(let what, let remedy): "the file is \(what); \(remedy)"
    case .unreadable(let source, let reason):
      "the settings in \(source) cannot be read: \(reason)"
    case .settings(let source, let reason):
      "the settings in \(source) cannot be used: \(reason)"
    }
  }
}
