internal import CDNNL
public import Tensors

/// How a tensor of some shape lies in memory: oneDNN's memory descriptor as a value.
///
/// Axes are named N, C, H, W throughout this module, whatever order they are stored in.
public struct TensorLayout: Sendable {
  let descriptor: dnnl_memory_desc_t

  init(_ descriptor: dnnl_memory_desc_t) {
    self.descriptor = descriptor
  }

  init(
    shape: [Int], elementType: dnnl_data_type_t = dnnl_f32, tag: dnnl_format_tag_t
  ) throws(ComputeError) {
    let dimensions = shape.map { dnnl_dim_t($0) }
    var descriptor = dnnl_memory_desc_t()
    let status = unsafe dnnl_memory_desc_init_by_tag(
      &descriptor, Int32(shape.count), dimensions, elementType, tag)
    try check(status, "layout of \(Shape(shape))")
    self.descriptor = descriptor
  }

  /// Row-major float32: NCHW for four axes, NC for two.
  public static func rowMajor(_ shape: Shape) throws(ComputeError) -> TensorLayout {
    try TensorLayout(shape: shape.dimensions, tag: plainTag(rank: shape.rank))
  }

  /// Float32 with the channels innermost: NHWC for four axes.
  public static func channelsLast(_ shape: Shape) throws(ComputeError) -> TensorLayout {
    try channelsLast(shape.dimensions, dnnl_f32)
  }

  static func channelsLast(
    _ shape: [Int], _ elementType: dnnl_data_type_t
  ) throws(ComputeError) -> TensorLayout {
    try TensorLayout(
      shape: shape, elementType: elementType, tag: shape.count == 4 ? dnnl_acdb : dnnl_ab)
  }

  /// The type of the elements.
  var elementType: dnnl_data_type_t { descriptor.data_type }

  /// Float32 NCHW with the channels in blocks that lie innermost, as convolutions like them.
  public static func channelBlocked(_ shape: Shape, block: Int) throws(ComputeError)
    -> TensorLayout
  {
    switch block {
    case 16: try TensorLayout(shape: shape.dimensions, tag: dnnl_aBcd16b)
    case 8: try TensorLayout(shape: shape.dimensions, tag: dnnl_aBcd8b)
    default: try rowMajor(shape)
    }
  }

  /// The layout that leaves the choice to a primitive.
  static func any(
    _ shape: [Int], elementType: dnnl_data_type_t = dnnl_f32
  ) throws(ComputeError) -> TensorLayout {
    try TensorLayout(shape: shape, elementType: elementType, tag: dnnl_format_tag_any)
  }

  private static func plainTag(rank: Int) -> dnnl_format_tag_t {
    switch rank {
    case 1: dnnl_a
    case 2: dnnl_ab
    case 3: dnnl_abc
    default: dnnl_abcd
    }
  }

  /// The extents as N, C, H, W (or N, C), without the padding that blocks may add.
  public var shape: Shape {
    var descriptor = descriptor
    let rank = Int(descriptor.ndims)
    return unsafe withUnsafeBytes(of: &descriptor.dims) { bytes in
      // Safety: `dims` is a C array of DNNL_MAX_NDIMS = 12 values, and rank is at most 12.
      Shape((0..<rank).map { unsafe Int(bytes.load(fromByteOffset: 8 * $0, as: dnnl_dim_t.self)) })
    }
  }

  /// The bytes that a tensor of this layout takes, padding included.
  public var byteCount: Int {
    unsafe withUnsafePointer(to: descriptor) { unsafe dnnl_memory_desc_get_size($0) }
  }

  /// The same places for elements of another type.
  ///
  /// Only for layouts without padding that depends on the type, as all that `channelsLast`, `rowMajor`
  /// and `channelBlocked` make.
  func retyped(_ type: dnnl_data_type_t) -> TensorLayout {
    var descriptor = descriptor
    descriptor.data_type = type
    return TensorLayout(descriptor)
  }

  /// Some indices of an axis as a part of the whole tensor's memory; `nil` where oneDNN cannot
  /// describe it, as where a block would be cut.
  func region(axis: Int, _ range: Range<Int>) -> TensorLayout? {
    var dimensions = shape.dimensions.map { dnnl_dim_t($0) }
    var offsets = [dnnl_dim_t](repeating: 0, count: dimensions.count)
    dimensions[axis] = dnnl_dim_t(range.count)
    offsets[axis] = dnnl_dim_t(range.lowerBound)
    // Safety: the call reads as many values as the descriptor has axes.
    var region = dnnl_memory_desc_t()
    let status = unsafe withUnsafePointer(to: descriptor) {
      unsafe dnnl_memory_desc_init_submemory(&region, $0, dimensions, offsets)
    }
    return status == dnnl_success ? TensorLayout(region) : nil
  }

  /// The extents of four axes and how their channels lie; `nil` for a layout that only oneDNN itself
  /// can read, for other ranks, and for sides beyond `ChannelLayout.maximumSide`.
  public var channelLayout: ChannelLayout? {
    guard let channelBlock else { return nil }
    let shape = shape
    guard max(shape[2], shape[3]) <= ChannelLayout.maximumSide else { return nil }
    return ChannelLayout(
      imageCount: shape[0], channelCount: shape[1], height: shape[2], width: shape[3],
      channelBlock: channelBlock)
  }

  /// The number of channels that lie together innermost.
  ///
  /// 1 for NCHW, 16 or 8 for oneDNN's blocked layouts, all of them for NHWC, and `nil` for a layout
  /// that only oneDNN itself can read.
  var channelBlock: Int? {
    let shape = shape
    guard shape.rank == 4 else { return nil }
    func matches(_ tag: dnnl_format_tag_t) -> Bool {
      guard
        let other = try? TensorLayout(
          shape: shape.dimensions, elementType: descriptor.data_type, tag: tag)
      else { return false }
      return other == self
    }
    if matches(dnnl_abcd) { return 1 }
    if matches(dnnl_aBcd16b) { return 16 }
    if matches(dnnl_aBcd8b) { return 8 }
    if matches(dnnl_acdb) { return shape[1] }
    return nil
  }
}

extension TensorLayout: Equatable {
  /// Whether two layouts put the same shape and type in the same places.
  public static func == (left: TensorLayout, right: TensorLayout) -> Bool {
    unsafe withUnsafePointer(to: left.descriptor) { left in
      unsafe withUnsafePointer(to: right.descriptor) { right in
        unsafe dnnl_memory_desc_equal(left, right) != 0
      }
    }
  }
}
