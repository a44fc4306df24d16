import Dispatch
import Glibc

/// Notices that files were replaced or changed, by looking once a second.
///
/// Looking is what works everywhere: file systems over a network and volumes of containers tell the
/// kernel nothing, and where a model is mounted by links (as Kubernetes does) it is a link several
/// folders up that changes.
final class FileWatch: @unchecked Sendable {  // Guard: `state` is used on `queue` alone.
  /// What tells one state of a file from another.
  private struct Look: Equatable {
    var device: UInt
    var inode: UInt
    var size: Int
    var seconds: Int
    var nanoseconds: Int
  }

  private let paths: [String]
  private let onChange: @Sendable () -> Void
  private let timer: any DispatchSourceTimer
  /// What was there when it was last told of, and what was there at the last look.
  private var state: (known: [Look?], last: [Look?])

  /// Starts to watch.
  ///
  /// - Parameters:
  ///   - paths: the files; links are followed, and a file may be missing.
  ///   - onChange: called once what changed has stayed the same for a second, so that a file that is
  ///     still being written is not read; and not while the first file is missing.
  init(_ paths: [String], onChange: @escaping @Sendable () -> Void) {
    self.paths = paths
    self.onChange = onChange
    let looks = paths.map(Self.look)
    state = (looks, looks)
    timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "frcnn-watch"))
    timer.schedule(deadline: .now() + .seconds(1), repeating: .seconds(1))
    timer.setEventHandler { [unowned self] in look() }
    timer.activate()
  }

  deinit { timer.cancel() }

  private func look() {
    let looks = paths.map(Self.look)
    defer { state.last = looks }
    guard looks == state.last, looks != state.known, looks.first != .some(nil) else { return }
    state.known = looks
    onChange()
  }

  private static func look(_ path: String) -> Look? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    return Look(
      device: UInt(status.st_dev), inode: UInt(status.st_ino), size: Int(status.st_size),
      seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
  }
}
