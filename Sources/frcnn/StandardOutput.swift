@unsafe @preconcurrency import Glibc

/// Where results go, and nothing else.
enum StandardOutput {
  /// Gives 0, 1 and 2 something to be, where whoever started the program closed them.
  ///
  /// A file that is opened would get the number else, and results would be written into it. What is put there fails when it is
  /// used, as a closed descriptor does.
  static func occupyDescriptors() {
    for (descriptor, mode) in [
      (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY),
    ] where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free number is the one that is missing.
      _ = unsafe open("/dev/null", mode)
    }
  }

  /// Writes out what was printed.
  ///
  /// - Throws: `Failure` where some of it was lost: the disk is full, or nobody takes it.
  static func finish() throws(Failure) {
    // Safety: the C library's own stream, which lives as long as the program.
    guard unsafe fflush(stdout) != 0 || ferror(stdout) != 0 else { return }
    throw Failure(.cannotCreate, "cannot write standard output: \(Failure.systemMessage())")
  }
}
