internal import Glibc

/// A thread that nobody waits for, with a name and a stack of its own size.
///
/// Foundation has such threads too, and brings some 40 MB of other things along.
public enum DetachedThread {
  /// What the new thread is given.
  private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  /// Starts a thread.
  ///
  /// - Parameters:
  ///   - name: shown by `ps -L` and debuggers; the kernel keeps 15 bytes of it.
  ///   - stackByteCount: the size of its stack; the system's usual one where it is left out.
  ///   - body: what it does.
  /// - Throws: `ThreadError` where the system has no thread to give.
  public static func start(
    name: String, stackByteCount: Int? = nil, _ body: @escaping @Sendable () -> Void
  ) throws(ThreadError) {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    if let stackByteCount { unsafe pthread_attr_setstacksize(&attributes, stackByteCount) }
    var thread = pthread_t()
    let start = unsafe Unmanaged.passRetained(Start(name: name, body: body))
    let status = unsafe pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument = unsafe argument else { return nil }
        // Safety: the pointer is the one below, and is taken once.
        let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        nameCallingThread(start.name)
        start.body()
        return nil
      }, start.toOpaque())
    guard status == 0 else {
      unsafe start.release()
      throw ThreadError(code: status)
    }
  }
}

/// Why no thread could be started.
public struct ThreadError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The system's error number.
  public let code: Int32

  /// One sentence that says what failed and why.
  public var description: String {
    "the system has no thread to give: \(unsafe String(cString: strerror(code)))"
  }
}

/// Gives the calling thread a name: through the file system, because glibc offers its call only to
/// programs that ask for GNU extensions.
private func nameCallingThread(_ name: String) {
  let file = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
  guard file >= 0 else { return }
  let text = Array(name.utf8.prefix(15))
  unsafe _ = write(file, text, text.count)
  close(file)
}
