internal import CDNNL

/// A tensor's place in memory as oneDNN sees it: a layout and an address that may be set later.
@safe final class Memory {
  @unsafe let handle: fd_memory
  let layout: TensorLayout

  /// A tensor whose address `bind` sets before it is used.
  convenience init(_ layout: TensorLayout) throws(ComputeError) {
    try unsafe self.init(layout, at: nil)
  }

  /// A tensor at an address, where the caller keeps `layout.byteCount` bytes alive.
  @unsafe init(_ layout: TensorLayout, at address: UnsafeMutableRawPointer?) throws(ComputeError) {
    let engine = try Engine.shared
    unsafe handle = try unsafe make("memory of \(layout.shape)") {
      unsafe fd_memory_create(&$0, engine.handle, layout.descriptor.handle, address)
    }
    self.layout = layout
  }

  /// Points the tensor at bytes that the caller keeps alive and large enough.
  func bind(_ address: UnsafeMutableRawPointer) throws(ComputeError) {
    try unsafe check(fd_memory_set_address(handle, address), "memory of \(layout.shape)")
  }

  /// Where the tensor begins, once it has an address.
  @unsafe var address: UnsafeMutableRawPointer {
    guard let address = unsafe fd_memory_address(handle) else {
      preconditionFailure("a tensor of \(layout.shape) without an address")
    }
    return unsafe address
  }

  deinit { unsafe fd_memory_destroy(handle) }
}
