internal import CDNNL

/// What the machine can do at most, by the engine's own measure.
public enum PeakRate {
  /// The rate of a matrix product of 2048 cubed in a precision, in operations a second.
  ///
  /// It is the best of `runs`, on the calling thread's team.
  ///
  /// - Throws: `ComputeError` where oneDNN has no kernel for it.
  public static func of(
    _ precision: PlanOptions.Precision, runs: Int = 20
  ) throws(ComputeError) -> Double {
    let side = 2048
    let name = "matrix product of \(side) cubed"
    let (sourceType, weightType, resultType) =
      switch precision {
      case .float32: (dnnl_f32, dnnl_f32, dnnl_f32)
      case .bfloat16: (dnnl_bf16, dnnl_bf16, dnnl_f32)
      case .int8: (dnnl_u8, dnnl_s8, dnnl_s32)
      }
    let plain = try TensorLayout(shape: [side, side], elementType: sourceType, tag: dnnl_ab)
    let any = try TensorLayout.any([side, side], elementType: weightType)
    let result = plain.retyped(resultType)
    var description = dnnl_matmul_desc_t()
    try unsafe check(
      withDescriptors(plain, any, TensorLayout(dnnl_memory_desc_t()), result) {
        source, weights, bias, destination in
        unsafe dnnl_matmul_desc_init(&description, source, weights, bias, destination)
      }, name)
    let descriptor = try unsafe PrimitiveDescriptor(
      &description, attributes: Attributes(), name: name)
    let primitive = try Primitive(descriptor, name: name)
    let arguments: [(Int32, dnnl_query_t)] = [
      (DNNL_ARG_SRC, dnnl_query_src_md), (DNNL_ARG_WEIGHTS, dnnl_query_weights_md),
      (DNNL_ARG_DST, dnnl_query_dst_md), (DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md),
    ]
    var blocks: [MemoryBlock] = []
    var memories: [(Int32, Memory)] = []
    for (argument, query) in arguments {
      let layout = descriptor.layout(query)
      let block = try MemoryBlock(count: layout.byteCount)
      // Zeros: numbers that happen to be denormal would be slower.
      unsafe block.address.initializeMemory(as: UInt8.self, repeating: 0, count: block.count)
      blocks.append(block)
      memories.append((argument, try unsafe Memory(layout, at: block.address)))
    }
    let stream = try Stream()
    let list = unsafe memories.map { unsafe dnnl_exec_arg_t(arg: $0.0, memory: $0.1.handle) }
    let clock = ContinuousClock()
    var best = Duration.seconds(1 << 20)
    for _ in 0..<max(runs, 1) {
      let start = clock.now
      try unsafe check(
        dnnl_primitive_execute(primitive.handle, stream.handle, Int32(list.count), list), name)
      try unsafe check(dnnl_stream_wait(stream.handle), name)
      best = min(best, clock.now - start)
    }
    withExtendedLifetime((blocks, memories)) {}
    let operations = 2 * Double(side) * Double(side) * Double(side)
    return operations / (best / .seconds(1))
  }
}
