internal import CDetectionKernels

/// Decodes and clips the RPN's boxes; its memory is kept from call to call and grows with the largest
/// feature map, or with the number of candidates where the best are chosen first.
struct CandidateDecoder: Sendable {
  /// The decoded and clipped boxes of the last call.
  private(set) var boxes: [BoundingBox] = []

  /// The places of the chosen anchors' boxes that may be proposed, in the order of the anchors.
  private(set) var usable: [UInt32] = []

  /// For each of the chosen boxes a number that is not 0, and 0 where the box must be dropped.
  private var marks: [UInt32] = []

  /// How offsets become boxes of one picture.
  struct Rules {
    fileprivate let kernel: detection_decoding

    init(coder: BoxCoder, minimumSide: MinimumSide?, frame: ImageFrame) {
      kernel = detection_decoding(
        xyxy: coder.order == .xyxy ? 1 : 0, side_extra: coder.sides.extra,
        minimum_log_scale: coder.minimumLogScale ?? -.infinity,
        maximum_log_scale: coder.maximumLogScale ?? .infinity,
        y_limit: coder.sides.limit(frame.height), x_limit: coder.sides.limit(frame.width),
        minimum_side: minimumSide?.bound(scale: frame.xScale) ?? -.infinity)
    }
  }

  /// Decodes the box of each anchor, and sets the key of each that is dropped to 0.
  mutating func decodeAll(
    _ offsets: Span<Float>, grid: AnchorGrid, _ rules: Rules, keys: inout [UInt32]
  ) {
    let count = grid.count
    precondition(offsets.count == 4 * count, "\(offsets.count) offsets for \(count) anchors")
    precondition(keys.count >= count, "\(keys.count) keys for \(count) anchors")
    boxes.grow(to: count, filling: BoundingBox(yMin: 0, xMin: 0, yMax: 0, xMax: 0))
    var how = rules.kernel
    // Safety: the kernel reads the grid's row and 4 x count offsets, and writes 4 x count floats of
    // boxes and count keys; each count was checked or grown above.
    unsafe grid.withKernelGrid { grid in
      unsafe offsets.withUnsafeBufferPointer { offsets in
        unsafe boxes.withUnsafeMutableFloats { boxes in
          unsafe keys.withUnsafeMutableBufferPointer { keys in
            unsafe detection_decode(
              grid, offsets.baseAddress, &how, boxes.baseAddress, keys.baseAddress)
          }
        }
      }
    }
  }

  /// Decodes the boxes of some anchors alone, in the order given, and tells which are usable.
  mutating func decode(
    _ chosen: [UInt32], of offsets: Span<Float>, grid: AnchorGrid, _ rules: Rules
  ) {
    let count = grid.count
    precondition(offsets.count == 4 * count, "\(offsets.count) offsets for \(count) anchors")
    if let last = chosen.max() { precondition(last < count, "no anchor \(last) of \(count)") }
    boxes.grow(to: chosen.count, filling: BoundingBox(yMin: 0, xMin: 0, yMax: 0, xMax: 0))
    marks.grow(to: chosen.count, filling: 0)
    var how = rules.kernel
    // Safety: every chosen index is below the number of anchors, of which the offsets hold four
    // floats each; boxes and marks hold what is written for each of the chosen.
    unsafe grid.withKernelGrid { grid in
      unsafe offsets.withUnsafeBufferPointer { offsets in
        unsafe chosen.withUnsafeBufferPointer { chosen in
          unsafe boxes.withUnsafeMutableFloats { boxes in
            unsafe marks.withUnsafeMutableBufferPointer { marks in
              unsafe detection_decode_chosen(
                grid, offsets.baseAddress, chosen.baseAddress, chosen.count, &how,
                boxes.baseAddress, marks.baseAddress)
            }
          }
        }
      }
    }
    usable.resize(to: chosen.count, filling: 0)
    var usableCount = 0
    // Nothing is branched on, since nothing foretells which are dropped.
    for place in chosen.indices {
      usable[usableCount] = UInt32(truncatingIfNeeded: place)
      usableCount &+= marks[place] == 0 ? 0 : 1
    }
    usable.removeLast(chosen.count - usableCount)
  }
}

extension AnchorGrid {
  /// Calls `body` with the grid as the kernels read it.
  fileprivate func withKernelGrid(_ body: (UnsafePointer<detection_grid>) -> Void) {
    unsafe row.withUnsafeFloats { floats in
      var grid = unsafe detection_grid(
        row: floats.baseAddress, row_count: row.count, row_number: height, y_stride: yStride,
        y_offset: yOffset)
      unsafe withUnsafePointer(to: &grid) { unsafe body($0) }
    }
  }
}
