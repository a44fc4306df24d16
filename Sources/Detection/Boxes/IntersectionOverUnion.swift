internal import CDetectionKernels

/// The intersection over union (IoU) of boxes.
public enum IntersectionOverUnion {
  /// The IoU of two boxes, from 0 to 1; 0 where both areas are 0.
  ///
  /// A box that is inside out has the area 0 and overlaps nothing. A coordinate that is not finite
  /// gives 0 or NaN.
  public static func of(
    _ a: BoundingBox, _ b: BoundingBox, sides: SideConvention = .halfOpen
  ) -> Float {
    let height = min(a.yMax, b.yMax) - max(a.yMin, b.yMin) + sides.extra
    let width = min(a.xMax, b.xMax) - max(a.xMin, b.xMin) + sides.extra
    let common = max(height, 0) * max(width, 0)
    let joint = a.area(sides: sides) + b.area(sides: sides) - common
    return joint > 0 ? common / joint : 0
  }

  /// The IoU of each of R boxes with each of K boxes: R x K numbers, row-major.
  ///
  /// Each is what `of(_:_:sides:)` gives for the pair, to the bit.
  public static func matrix(
    _ a: [BoundingBox], _ b: [BoundingBox], sides: SideConvention = .halfOpen
  ) -> [Float] {
    var result: [Float] = []
    var scratch: [Float] = []
    matrix(a, b, sides: sides, scratch: &scratch, into: &result)
    return result
  }

  /// The IoU of each of R boxes with each of K boxes, written over `result`: R x K numbers, row-major.
  ///
  /// Allocates nothing where `scratch` and `result` come from a call that was as large.
  public static func matrix(
    _ a: [BoundingBox], _ b: [BoundingBox], sides: SideConvention = .halfOpen,
    scratch: inout [Float], into result: inout [Float]
  ) {
    let (rows, columns) = (a.count, b.count)
    scratch.grow(to: detection_iou_matrix_scratch(columns), filling: 0)
    result.resize(to: rows * columns, filling: 0)
    guard rows > 0, columns > 0 else { return }
    // Safety: the kernel reads 4 x rows and 4 x columns floats, the storage of the two arrays of
    // 16-byte boxes, and writes the scratch that it asked for and rows x columns floats.
    unsafe a.withUnsafeFloats { a in
      unsafe b.withUnsafeFloats { b in
        unsafe scratch.withUnsafeMutableBufferPointer { scratch in
          unsafe result.withUnsafeMutableBufferPointer { result in
            unsafe detection_iou_matrix(
              a.baseAddress, rows, b.baseAddress, columns, sides.extra, scratch.baseAddress,
              result.baseAddress)
          }
        }
      }
    }
  }
}
