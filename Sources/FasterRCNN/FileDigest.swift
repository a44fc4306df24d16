internal import Digests
internal import Dispatch
internal import Glibc
internal import Synchronization
internal import Tensors
internal import Threads

/// The SHA-256 of a checkpoint's bytes, computed beside whatever else is done with them.
///
/// Half a gigabyte takes a second or two, longer than it takes to read the file and to put its weights
/// in order, and nobody needs the sum before the first answer is written.
final class FileDigest: Sendable {
  private let sum = Mutex<String?>(nil)
  private let group = DispatchGroup()

  /// A sum that is known.
  init(known text: String) { sum.withLock { $0 = text } }

  /// Starts to compute; the storage is held until that is done.
  ///
  /// Of a checkpoint in several files it is the sum of their bytes one after the other, in the order of
  /// the files' names.
  init(of files: [ByteStorage]) {
    // A program may end while the sum is under way.
    SHA256.outliveExit()
    group.enter()
    let compute = { @Sendable [self] in
      let text = Self.sha256(of: files)
      sum.withLock { $0 = text }
      group.leave()
    }
    do throws(ThreadError) {
      try DetachedThread.start(name: "frcnn-digest") {
        // The sum takes the time that the networks leave it, so that the model is ready sooner. Linux
        // gives each thread a niceness of its own; where it refuses, the sum is merely in the way.
        _ = nice(19)
        compute()
      }
    } catch {
      // Without a thread to do it beside the rest, it takes its time here.
      compute()
    }
  }

  /// The sum in lowercase hexadecimal; waits for it.
  var text: String {
    if let text = sum.withLock({ $0 }) { return text }
    group.wait()
    return sum.withLock { $0 } ?? ""
  }

  /// Whether the sum has been computed.
  var isKnown: Bool { sum.withLock { $0 != nil } }

  /// Computes the sum, and lets go of a mapped file's pages on the way: what was summed up would
  /// otherwise stay in memory beside the prepared weights.
  static func sha256(of files: [ByteStorage]) -> String {
    let block = 4 << 20
    var digest = SHA256()
    for storage in files {
      for start in stride(from: 0, to: storage.count, by: block) {
        let range = start..<min(start + block, storage.count)
        unsafe storage.withUnsafeBytes { bytes in
          // Safety: the range ends at the storage's count at most.
          let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
          let numbers = unsafe part.bindMemory(to: UInt8.self)
          unsafe digest.update(numbers.span)
        }
        storage.releasePages(range)
      }
    }
    return digest.finish().hexadecimalText
  }
}

extension FileDigest: Equatable {
  /// Whether two sums are the same; waits for both.
  static func == (left: FileDigest, right: FileDigest) -> Bool { left.text == right.text }
}
