import Glibc

/// What the environment names, given each input.
private let target: @Sendable ([UInt8]) -> Void = {
  let name = unsafe getenv("FRCNN_FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
  if name == "http" { return { HTTPFuzzTarget.run($0) } }
  if let target = FetchFuzzTarget(rawValue: name) { return { target.run($0) } }
  if let target = BodyFuzzTarget(rawValue: name) { return { target.run($0) } }
  if let target = PictureFuzzTarget(rawValue: name) { return { target.run($0) } }
  if let target = FuzzTarget(rawValue: name) { return { target.run($0) } }
  if let target = SettingsFuzzTarget(rawValue: name) { return { target.run($0) } }
  fatalError("there is no target '\(name)'")
}()

/// What libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // Safety: libFuzzer passes the address of `count` bytes.
  target(unsafe Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}
