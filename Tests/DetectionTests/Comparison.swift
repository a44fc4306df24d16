import Detection
import Testing

/// Whether two numbers differ by at most a share of the greater, or by an absolute amount.
func isClose(_ a: Float, _ b: Float, relative: Float, absolute: Float = 0) -> Bool {
  abs(a - b) <= max(relative * max(abs(a), abs(b)), absolute)
}

/// Whether all edges of two boxes are close.
func isClose(_ a: BoundingBox, _ b: BoundingBox, relative: Float, absolute: Float = 0) -> Bool {
  isClose(a.yMin, b.yMin, relative: relative, absolute: absolute)
    && isClose(a.xMin, b.xMin, relative: relative, absolute: absolute)
    && isClose(a.yMax, b.yMax, relative: relative, absolute: absolute)
    && isClose(a.xMax, b.xMax, relative: relative, absolute: absolute)
}
