extension Network {
  /// Rows and columns of zeros (for pooling: of nothing) around a map, each side by itself.
  public struct Padding: Sendable, Hashable {
    /// Rows before the first.
    public var top: Int
    /// Columns before the first.
    public var left: Int
    /// Rows behind the last.
    public var bottom: Int
    /// Columns behind the last.
    public var right: Int

    /// Makes a padding; traps on negative numbers.
    public init(top: Int = 0, left: Int = 0, bottom: Int = 0, right: Int = 0) {
      precondition(
        [top, left, bottom, right].allSatisfy { $0 >= 0 },
        "padding \(top), \(left), \(bottom), \(right)")
      self.top = top
      self.left = left
      self.bottom = bottom
      self.right = right
    }

    /// Makes the same padding on all sides.
    public init(_ all: Int) { self.init(top: all, left: all, bottom: all, right: all) }
  }

  /// A window that slides over rows and columns.
  public struct Window: Sendable, Hashable {
    /// The rows and columns of the window.
    public var size: Int
    /// The distance between neighbouring windows.
    public var stride: Int
    /// What lies around the input.
    public var padding: Padding
    /// The distance between neighbouring cells of the window: 1 where it has no gaps.
    public var dilation: Int
    /// Whether a window that reaches beyond the padded input is kept (Caffe, Chainer) or dropped.
    public var roundsUp: Bool

    /// Makes a window with a padding for each side; traps on sizes, strides or dilations below 1.
    public init(
      size: Int, stride: Int = 1, padding: Padding, dilation: Int = 1, roundsUp: Bool = false
    ) {
      precondition(
        size > 0 && stride > 0 && dilation > 0, "window of \(size), \(stride), \(dilation)")
      self.size = size
      self.stride = stride
      self.padding = padding
      self.dilation = dilation
      self.roundsUp = roundsUp
    }

    /// Makes a window with the same padding on all sides.
    public init(
      size: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1, roundsUp: Bool = false
    ) {
      self.init(
        size: size, stride: stride, padding: Padding(padding), dilation: dilation,
        roundsUp: roundsUp)
    }

    /// Whether windows of 2x2 cover the input once.
    var isPairwise: Bool { size == 2 && stride == 2 && padding == Padding(0) && dilation == 1 }

    /// The window along the rows, with `size` rows where a kernel says how many it has.
    func rows(_ size: Int? = nil) -> WindowAxis {
      WindowAxis(
        size: size ?? self.size, stride: stride, leading: padding.top, trailing: padding.bottom,
        dilation: dilation, roundsUp: roundsUp)
    }

    /// The window along the columns.
    func columns(_ size: Int? = nil) -> WindowAxis {
      WindowAxis(
        size: size ?? self.size, stride: stride, leading: padding.left, trailing: padding.right,
        dilation: dilation, roundsUp: roundsUp)
    }
  }
}

/// A window along one axis.
struct WindowAxis: Hashable {
  var size: Int
  var stride: Int
  var leading: Int
  var trailing: Int
  var dilation = 1
  var roundsUp = false

  /// The cells from the first to the last that a window reads.
  var reach: Int { (size - 1) * dilation + 1 }

  /// The number of windows along an input of `extent`; zero where not even one fits.
  func count(_ extent: Int) -> Int {
    let room = extent + leading + trailing - reach
    guard room >= 0 || (roundsUp && extent > 0) else { return 0 }
    var count = roundsUp ? (max(room, 0) + stride - 1) / stride + 1 : room / stride + 1
    // The last window must start inside the input or its leading padding, as in Caffe.
    if roundsUp && leading > 0 && (count - 1) * stride >= extent + leading { count -= 1 }
    return count
  }

  /// The padding behind the last cell with which a rule that always rounds down gives `count`; negative
  /// where cells at the end are read by no window.
  func exactTrailing(_ extent: Int) -> Int {
    (count(extent) - 1) * stride + reach - extent - leading
  }

  /// The cells of an input of `extent` that some windows read.
  func cells(_ windows: Range<Int>, of extent: Int) -> Range<Int> {
    let first = max(windows.lowerBound * stride - leading, 0)
    let last = min((windows.upperBound - 1) * stride - leading + reach, extent)
    return min(first, last)..<max(last, first)
  }
}
