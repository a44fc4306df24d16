internal import CDNNL

/// What a kernel's tensor is to it.
enum Argument {
  case source, weights, bias, destination, scratchpad

  fileprivate var facade: fd_tensor {
    switch self {
    case .source: fd_tensor_source
    case .weights: fd_tensor_weights
    case .bias: fd_tensor_bias
    case .destination: fd_tensor_destination
    case .scratchpad: fd_tensor_scratchpad
    }
  }
}

/// A kernel ready to run.
@safe final class Primitive {
  @unsafe private let handle: fd_kernel
  private let name: String

  init(_ descriptor: PrimitiveDescriptor, name: String) throws(ComputeError) {
    let engine = try Engine.shared
    self.name = name
    unsafe handle = try unsafe make(name) {
      unsafe fd_kernel_create(&$0, descriptor.handle, engine.handle)
    }
  }

  deinit { unsafe fd_kernel_destroy(handle) }

  /// Runs once, until it has ended.
  func run(_ arguments: [(Argument, Memory)]) throws(ComputeError) {
    let stream = try Stream()
    try PrimitiveCall(self, arguments).run(on: stream)
    try stream.wait(for: name)
  }

  fileprivate func run(_ arguments: [fd_argument], on stream: Stream) throws(ComputeError) {
    try unsafe check(
      fd_kernel_run(handle, stream.handle, arguments, Int32(arguments.count)), name)
  }
}

/// A kernel with its tensors, so that running it makes nothing.
@safe struct PrimitiveCall {
  private let primitive: Primitive
  private let memories: [Memory]
  @unsafe private let arguments: [fd_argument]

  init(_ primitive: Primitive, _ arguments: [(Argument, Memory)]) {
    self.primitive = primitive
    memories = arguments.map(\.1)
    // Safety: the handles live as long as `memories`.
    unsafe self.arguments = arguments.map { argument, memory in
      unsafe fd_argument(tensor: Int32(argument.facade.rawValue), memory: memory.handle)
    }
  }

  /// Begins the kernel's work, of which the stream knows the end.
  func run(on stream: Stream) throws(ComputeError) {
    try unsafe primitive.run(arguments, on: stream)
  }
}
