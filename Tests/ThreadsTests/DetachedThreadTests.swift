import Glibc
import Testing
import Threads

@Suite struct DetachedThreadTests {
  @Test func threadRunsUnderItsName() async throws {
    let name = await withCheckedContinuation { continuation in
      do throws(ThreadError) {
        try DetachedThread.start(name: "frcnn-a-name-that-is-too-long") {
          continuation.resume(returning: ownName())
        }
      } catch {
        continuation.resume(returning: "\(error)")
      }
    }
    #expect(name == "frcnn-a-name-th")
  }

  @Test func stackThatTheSystemCannotGiveIsAnError() {
    #expect(throws: ThreadError.self) {
      try DetachedThread.start(name: "frcnn-vast", stackByteCount: 1 << 50) {}
    }
  }
}

private func ownName() -> String {
  guard let file = unsafe fopen("/proc/thread-self/comm", "r") else { return "" }
  defer { unsafe fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 64)
  let count = unsafe fread(&bytes, 1, bytes.count, file)
  return String(decoding: bytes[..<max(count - 1, 0)], as: UTF8.self)
}
