import ArgumentParser
import Files
import Glibc

/// Why a command ends, told to the person on standard error and to scripts by the exit status.
///
/// The numbers are those of BSD's `sysexits.h`, which ArgumentParser uses for wrong usage too.
struct Failure: Error {
  enum Kind: Int32 {
    /// The question was answered, and the answer is no: not ready, or some picture failed.
    case negative = 1
    /// A flag or an argument is wrong (EX_USAGE).
    case usage = 64
    /// A file's contents are wrong (EX_DATAERR).
    case brokenInput = 65
    /// A file cannot be read (EX_NOINPUT).
    case missingInput = 66
    /// The address cannot be listened on (EX_UNAVAILABLE).
    case unavailable = 69
    /// An error of the program or of a library below it (EX_SOFTWARE).
    case internalError = 70
    /// A file cannot be written (EX_CANTCREAT).
    case cannotCreate = 73
    /// An environment variable is wrong (EX_CONFIG).
    case configuration = 78
  }

  var kind: Kind
  var message: String

  init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  /// What `errno` says.
  static func systemMessage(_ code: Int32 = errno) -> String {
    SystemMessage.text(of: code)
  }
}

extension ParsableCommand {
  /// Does a command's work; a failure is told on standard error and becomes the exit status.
  ///
  /// What was printed and could not be written is one too.
  func ending(_ work: () throws -> Void) throws {
    FirstProcess.heedSignals()
    StandardOutput.occupyDescriptors()
    do {
      try work()
      try StandardOutput.finish()
    } catch let failure as Failure {
      StandardError.write("frcnn: \(failure.message)\n")
      throw ExitCode(failure.kind.rawValue)
    }
  }
}
