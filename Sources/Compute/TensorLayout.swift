internal import CDNNL
public import Tensors

/// How a tensor of some shape lies in memory: oneDNN's memory descriptor as a value.
///
/// Axes are named N, C, H, W throughout this module, whatever order they are stored in.
public struct TensorLayout: Sendable {
  /// A memory descriptor with its owner.
  @safe final class Descriptor: @unchecked Sendable {
    // Sendable: the facade has no call that changes a layout.

    @unsafe let handle: OpaquePointer

    fileprivate init(_ handle: OpaquePointer) { unsafe self.handle = handle }

    deinit { unsafe fd_layout_destroy(handle) }
  }

  /// The order of a tensor's axes.
  enum Order {
    /// The last axis innermost: NCHW.
    case plain
    /// The channels innermost.
    case channelsLast
    /// So many channels innermost, 8 or 16.
    case channelBlocked(Int)
    /// The first of two axes innermost.
    case transposed
    /// What a kernel likes best.
    case any

    fileprivate var facade: fd_order? {
      switch self {
      case .plain: fd_order_plain
      case .channelsLast: fd_order_channels_last
      case .channelBlocked(16): fd_order_blocked_16
      case .channelBlocked(8): fd_order_blocked_8
      case .channelBlocked: nil
      case .transposed: fd_order_transposed
      case .any: fd_order_any
      }
    }
  }

  let descriptor: Descriptor

  /// The extents as N, C, H, W (or N, C), without the padding that blocks may add.
  public let shape: Shape

  /// The bytes that a tensor of this layout takes, padding included.
  public let byteCount: Int

  /// Takes over what a call of the facade makes.
  init(
    _ operation: @autoclosure () -> String, _ create: (inout OpaquePointer?) -> Int32
  ) throws(ComputeError) {
    descriptor = unsafe Descriptor(try make(operation(), create))
    let handle = unsafe descriptor.handle
    let rank = unsafe Int(fd_layout_rank(handle))
    var extents = [Int64](repeating: 0, count: Int(fd_most_axes))
    unsafe fd_layout_extents(handle, &extents)
    shape = Shape(extents[..<rank].map { Int($0) })
    byteCount = unsafe fd_layout_size(handle)
  }

  init(
    shape: [Int], elementType: ElementType = .float32, order: Order
  ) throws(ComputeError) {
    guard let order = order.facade else {
      preconditionFailure("\(Shape(shape)) in blocks of an unknown size")
    }
    try unsafe self.init("layout of \(Shape(shape))") {
      unsafe fd_layout_create(
        &$0, Int32(shape.count), shape.map { Int64($0) }, elementType.facade, order)
    }
  }

  /// Row-major float32: NCHW for four axes, NC for two.
  public static func rowMajor(_ shape: Shape) throws(ComputeError) -> TensorLayout {
    try TensorLayout(shape: shape.dimensions, order: .plain)
  }

  /// Float32 with the channels innermost: NHWC for four axes.
  public static func channelsLast(_ shape: Shape) throws(ComputeError) -> TensorLayout {
    try channelsLast(shape.dimensions, .float32)
  }

  /// Float32 maps as they lie.
  public init(_ layout: ChannelLayout) throws(ComputeError) {
    let shape: Shape = [layout.imageCount, layout.channelCount, layout.height, layout.width]
    let isInnermost = layout.channelBlock > 1 && layout.channelBlock == layout.channelCount
    self =
      isInnermost
      ? try .channelsLast(shape) : try .channelBlocked(shape, block: layout.channelBlock)
  }

  static func channelsLast(
    _ shape: [Int], _ elementType: ElementType
  ) throws(ComputeError) -> TensorLayout {
    try TensorLayout(shape: shape, elementType: elementType, order: .channelsLast)
  }

  /// Float32 NCHW with the channels in blocks that lie innermost, as convolutions like them.
  public static func channelBlocked(_ shape: Shape, block: Int) throws(ComputeError)
    -> TensorLayout
  {
    try TensorLayout(
      shape: shape.dimensions,
      order: block == 8 || block == 16 ? .channelBlocked(block) : .plain)
  }

  /// The layout that leaves the choice to a primitive.
  static func any(
    _ shape: [Int], elementType: ElementType = .float32
  ) throws(ComputeError) -> TensorLayout {
    try TensorLayout(shape: shape, elementType: elementType, order: .any)
  }

  /// The type of the elements.
  var elementType: ElementType {
    switch unsafe fd_layout_type(descriptor.handle) {
    case fd_type_f32: .float32
    case fd_type_bf16: .bfloat16
    case fd_type_s32: .int32
    case fd_type_s8: .int8
    case fd_type_u8: .uint8
    default: preconditionFailure("a kernel wants \(shape) of a type that was not asked for")
    }
  }

  /// The same places for elements of another type.
  ///
  /// Only for layouts without padding that depends on the type, as all that `channelsLast`, `rowMajor`
  /// and `channelBlocked` make.
  func retyped(_ type: ElementType) throws(ComputeError) -> TensorLayout {
    try unsafe TensorLayout("layout of \(shape) as \(type)") {
      unsafe fd_layout_retyped(&$0, descriptor.handle, type.facade)
    }
  }

  /// Some indices of an axis as a part of the whole tensor's memory; `nil` where oneDNN cannot
  /// describe it, as where a block would be cut.
  func region(axis: Int, _ range: Range<Int>) -> TensorLayout? {
    var extents = shape.dimensions.map { Int64($0) }
    var offsets = [Int64](repeating: 0, count: extents.count)
    extents[axis] = Int64(range.count)
    offsets[axis] = Int64(range.lowerBound)
    // Safety: the call reads as many values as the layout has axes.
    return try? unsafe TensorLayout("region of \(shape)") {
      unsafe fd_layout_region(&$0, descriptor.handle, extents, offsets)
    }
  }

  /// The extents of four axes and how their channels lie; `nil` for a layout that only oneDNN itself
  /// can read, for other ranks, and for sides beyond `ChannelLayout.maximumSide`.
  public var channelLayout: ChannelLayout? {
    guard let channelBlock, max(shape[2], shape[3]) <= ChannelLayout.maximumSide else { return nil }
    return ChannelLayout(
      imageCount: shape[0], channelCount: shape[1], height: shape[2], width: shape[3],
      channelBlock: channelBlock)
  }

  /// The number of channels that lie together innermost.
  ///
  /// 1 for NCHW, 16 or 8 for oneDNN's blocked layouts, all of them for NHWC, and `nil` for a layout
  /// that only oneDNN itself can read.
  var channelBlock: Int? {
    guard shape.rank == 4 else { return nil }
    func matches(_ order: Order) -> Bool {
      let other = try? TensorLayout(
        shape: shape.dimensions, elementType: elementType, order: order)
      return other == self
    }
    if matches(.plain) { return 1 }
    if matches(.channelBlocked(16)) { return 16 }
    if matches(.channelBlocked(8)) { return 8 }
    if matches(.channelsLast) { return shape[1] }
    return nil
  }
}

extension TensorLayout: Equatable {
  /// Whether two layouts put the same shape and type in the same places.
  public static func == (left: TensorLayout, right: TensorLayout) -> Bool {
    unsafe fd_layout_equal(left.descriptor.handle, right.descriptor.handle)
  }
}

extension ElementType {
  /// The facade's name; traps for types that no kernel works on.
  fileprivate var facade: fd_type {
    switch self {
    case .float32: fd_type_f32
    case .bfloat16: fd_type_bf16
    case .int32: fd_type_s32
    case .int8: fd_type_s8
    case .uint8: fd_type_u8
    default: preconditionFailure("no kernel works on \(self)")
    }
  }
}
