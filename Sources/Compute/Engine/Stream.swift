internal import CDNNL

/// A stream, which runs kernels in order in the thread that calls.
@safe final class Stream {
  @unsafe let handle: fd_stream

  init() throws(ComputeError) {
    let engine = try Engine.shared
    unsafe handle = try unsafe make("stream") { unsafe fd_stream_create(&$0, engine.handle) }
  }

  /// Returns when all that was begun has ended.
  func wait(for name: @autoclosure () -> String) throws(ComputeError) {
    try unsafe check(fd_stream_wait(handle), name())
  }

  deinit { unsafe fd_stream_destroy(handle) }
}
