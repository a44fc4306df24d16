import Glibc

/// The target that the environment names; all readers where it names none.
private let target: FuzzTarget = {
  guard let name = unsafe getenv("FRCNN_FUZZ_TARGET") else { return .any }
  let text = unsafe String(cString: name)
  guard let target = FuzzTarget(rawValue: text) else {
    fatalError("there is no target '\(text)'; there are \(FuzzTarget.allCases.map(\.rawValue))")
  }
  return target
}()

/// What libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // Safety: libFuzzer passes the address of `count` bytes.
  target.run(unsafe Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}
