public import Tensors

/// Why a checkpoint cannot be read: what is wrong, where in the file, and how to mend it.
public struct CheckpointError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong.
  public enum Reason: Sendable, Equatable {
    /// The file cannot be opened or mapped.
    case unreadable(FileMappingError)
    /// The file cannot be written; the words say which step failed.
    case unwritable(String)
    /// The bytes begin like no format that is read here.
    case unknownFormat
    /// The file is something that is not read here, with a way to mend it.
    case unsupported(String, remedy: String)
    /// The file ends before something that it announces.
    case truncated(what: String, needed: UInt64, available: Int)
    /// A size or count is beyond what a checkpoint can need.
    case limitExceeded(what: String, value: UInt64, limit: Int)
    /// The bytes break the rules of the format.
    case malformed(String)
    /// Two tensors or two entries have one name.
    case duplicateName
    /// Elements of a type that is not read here.
    case unsupportedElementType(String)
    /// A shape with a negative extent, too many axes or too many elements.
    case invalidShape([Int])
    /// The bytes given to a tensor are not those that its type and shape need.
    case sizeMismatch(needed: Int, found: Int)
    /// Two tensors or entries share bytes that they must not share.
    case overlap
    /// Bytes that belong to nothing.
    case unusedBytes(count: Int)
    /// A tensor reaches outside its storage.
    case outsideStorage
    /// The checksum of an entry does not match its bytes.
    case checksumMismatch(stated: UInt32, found: UInt32)
    /// A value contains itself.
    case recursion
    /// No state dictionary was found.
    case noStateDictionary
    /// Several state dictionaries were found, and nothing says which is meant.
    case severalStateDictionaries([String])
  }

  /// What is wrong.
  public var reason: Reason

  /// Where in the file the trouble was seen, in bytes from its start, if it has a place.
  public var byteOffset: Int?

  /// The tensor or entry it concerns, if one is known.
  public var tensorName: String?

  /// The file, if the bytes came from one.
  public var path: String?

  /// Makes an error.
  public init(
    _ reason: Reason, byteOffset: Int? = nil, tensorName: String? = nil, path: String? = nil
  ) {
    self.reason = reason
    self.byteOffset = byteOffset
    self.tensorName = tensorName
    self.path = path
  }

  /// One line: the file, the tensor, what is wrong, the place, and what to do.
  public var description: String {
    var line = ""
    if let path { line += "\(Self.printable(path)): " }
    if let tensorName { line += "\(Self.quoted(tensorName)): " }
    line += message
    if let byteOffset { line += " (at byte \(byteOffset))" }
    if let remedy { line += "; \(remedy)" }
    return line
  }
}

extension CheckpointError {
  private var message: String {
    switch reason {
    case .unreadable(let error): error.description
    case .unwritable(let step): "the file cannot be written: \(step)"
    case .unknownFormat: "the file is no checkpoint that is read here"
    case .unsupported(let what, _): what
    case .truncated(let what, let needed, let available):
      "the file ends early: \(what) needs \(needed) bytes and \(available) are left"
    case .limitExceeded(let what, let value, let limit):
      "\(what) is \(value), and at most \(limit) is read"
    case .malformed(let what): what
    case .duplicateName: "the name is given twice"
    case .unsupportedElementType(let name): "elements of type \(Self.quoted(name)) are not read"
    case .invalidShape(let shape): "\(shape) is not a possible shape"
    case .sizeMismatch(let needed, let found):
      "type and shape need \(needed) bytes, and the file gives \(found)"
    case .overlap: "its bytes overlap those of another"
    case .unusedBytes(let count): "\(count) bytes belong to nothing"
    case .outsideStorage: "the tensor reaches outside its storage"
    case .checksumMismatch(let stated, let found):
      "the checksum is \(Self.hexadecimal(found)), and the file states \(Self.hexadecimal(stated))"
    case .recursion: "a value contains itself"
    case .noStateDictionary: "the file holds no state dictionary (named tensors)"
    case .severalStateDictionaries(let keys):
      "the file holds several state dictionaries: "
        + keys.prefix(8).map(Self.quoted).joined(separator: ", ")
    }
  }

  private var remedy: String? {
    switch reason {
    case .unreadable: nil
    case .unwritable: "check that the folder exists, may be written and has room"
    case .unknownFormat:
      "give a safetensors file, a PyTorch file (.pth), a NumPy archive (.npz) or a pickle of arrays"
    case .unsupported(_, let remedy): remedy
    case .truncated, .checksumMismatch: "copy or download the file again"
    case .limitExceeded, .malformed, .duplicateName, .invalidShape, .sizeMismatch, .overlap,
      .unusedBytes, .outsideStorage, .recursion:
      "the file is damaged or was made by a faulty program; save it again"
    case .unsupportedElementType: "convert the tensor to float32 before saving"
    case .noStateDictionary: "save model.state_dict()"
    case .severalStateDictionaries: "save the detector's state dictionary alone"
    }
  }

  /// The error with its tensor named, where it does not name one yet.
  func naming(_ name: String) -> CheckpointError {
    var copy = self
    copy.tensorName = tensorName ?? name
    return copy
  }

  /// The error with its place, where it has none yet.
  func at(_ byteOffset: Int) -> CheckpointError {
    var copy = self
    copy.byteOffset = self.byteOffset ?? byteOffset
    return copy
  }

  /// Text from a file for one line of a log: bounded, and without control characters.
  static func printable(_ text: String) -> String {
    let limit = 160
    var result = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
      if index == limit { return result + "…" }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse:
        result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  static func quoted(_ text: String) -> String { "'\(printable(text))'" }

  private static func hexadecimal(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
  }
}
