internal import Tensors

/// A feed-forward network as a list of layers over values: what to compute, and nothing of how.
///
/// A `Plan` decides kernels, layouts and memory for one input size.
///
/// Tensors have axes N, C, H, W; N, H and W come with the plan.
public struct Network: Sendable {
  /// A tensor inside the network: its input, or what a layer makes.
  public struct Value: Sendable, Hashable {
    let index: Int
  }

  /// What follows a layer in the same pass over its output.
  public enum Activation: Sendable, Hashable {
    /// Nothing.
    case none
    /// max(x, 0).
    case relu
  }

  /// How a plan hands a value out.
  public enum OutputOrder: Sendable, Hashable {
    /// In whatever layout the last layer writes: for further layers, or readers of blocked channels.
    case native
    /// Channels innermost (NHWC), or row-major for values of two axes.
    case channelsLast
  }

  /// A window that slides over rows and columns.
  public struct Window: Sendable, Hashable {
    /// The rows and columns of the window.
    public var size: Int
    /// The distance between neighbouring windows.
    public var stride: Int
    /// Rows and columns of zeros (for pooling: of nothing) around the input.
    public var padding: Int
    /// Whether a window that reaches beyond the padded input is kept (Caffe, Chainer) or dropped.
    public var roundsUp: Bool

    /// Makes a window.
    public init(size: Int, stride: Int = 1, padding: Int = 0, roundsUp: Bool = false) {
      self.size = size
      self.stride = stride
      self.padding = padding
      self.roundsUp = roundsUp
    }

    /// The number of windows along an input of `extent`; zero where not even one fits.
    public func outputExtent(_ extent: Int) -> Int {
      let room = extent + 2 * padding - size
      guard room >= 0 || (roundsUp && extent > 0) else { return 0 }
      var count = roundsUp ? (max(room, 0) + stride - 1) / stride + 1 : room / stride + 1
      // The last window must start inside the input or its leading padding, as in Caffe.
      if roundsUp && padding > 0 && (count - 1) * stride >= extent + padding { count -= 1 }
      return count
    }

    /// Whether windows of 2x2 cover the input once.
    var isPairwise: Bool { size == 2 && stride == 2 && padding == 0 }

    /// The padding behind the last row or column, so that oneDNN's rule, which always rounds down,
    /// gives `outputExtent`.
    func trailingPadding(_ extent: Int) -> Int {
      (outputExtent(extent) - 1) * stride + size - extent - padding
    }
  }

  enum Operation: Sendable {
    case convolution(LayerWeights, Window, Activation, residual: Value?)
    case linear(LayerWeights, Activation)
    case maxPooling(Window)
    /// The mean over all rows and columns, which leaves N, C.
    case globalAveragePooling
    /// Over the channels.
    case softmax
  }

  struct Layer: Sendable {
    var name: String
    var operation: Operation
    var input: Value
    /// The largest value of the input that int8 tells from larger ones; `nil` where the layer is not
    /// to be computed in int8.
    var inputRange: Float?
  }

  /// The channels that the input must have.
  public let inputChannels: Int

  private(set) var layers: [Layer] = []
  private(set) var channels: [Int]
  private(set) var outputs: [(value: Value, order: OutputOrder)] = []

  /// Starts a network on an input of so many channels.
  public init(inputChannels: Int) {
    self.inputChannels = inputChannels
    channels = [inputChannels]
  }

  /// The input.
  public var input: Value { Value(index: 0) }

  /// The number of channels of a value.
  public func channelCount(_ value: Value) -> Int { channels[value.index] }

  /// The bytes of the layers' weights in all layouts in which plans keep them.
  public var preparedByteCount: Int {
    layers.reduce(0) { sum, layer in
      switch layer.operation {
      case .convolution(let weights, _, _, _), .linear(let weights, _):
        sum + weights.preparedByteCount
      case .maxPooling, .globalAveragePooling, .softmax: sum
      }
    }
  }

  /// Adds a convolution with bias, optionally a residual sum, and an activation.
  ///
  /// - Parameters:
  ///   - input: (N, C, H, W).
  ///   - weights: (K, C, h, w) and K biases; traps where C is not the input's.
  ///   - window: the kernel's stride and padding; its size is `weights`'s own.
  ///   - activation: what follows the sum.
  ///   - residual: a value of the output's shape that is added before the activation.
  ///   - name: what plans and errors call the layer.
  /// - Returns: (N, K, H', W').
  public mutating func convolution(
    _ input: Value, weights: LayerWeights, window: Window, activation: Activation = .none,
    adding residual: Value? = nil, name: String
  ) -> Value {
    precondition(
      weights.shape.rank == 4 && weights.shape[1] == channelCount(input),
      "\(name): weights \(weights.shape) on \(channelCount(input)) channels")
    return append(
      .convolution(weights, window, activation, residual: residual), to: input,
      channels: weights.shape[0], name: name)
  }

  /// Adds a fully connected layer: (N, C, H, W) or (N, C), read in that order, to (N, K).
  public mutating func linear(
    _ input: Value, weights: LayerWeights, activation: Activation = .none, name: String
  ) -> Value {
    append(.linear(weights, activation), to: input, channels: weights.shape[0], name: name)
  }

  /// Adds max pooling; padding never wins.
  public mutating func maxPooling(_ input: Value, window: Window, name: String) -> Value {
    append(.maxPooling(window), to: input, channels: channelCount(input), name: name)
  }

  /// Adds the mean over rows and columns: (N, C, H, W) to (N, C).
  public mutating func globalAveragePooling(_ input: Value, name: String) -> Value {
    append(.globalAveragePooling, to: input, channels: channelCount(input), name: name)
  }

  /// Adds a softmax over the channels.
  public mutating func softmax(_ input: Value, name: String) -> Value {
    append(.softmax, to: input, channels: channelCount(input), name: name)
  }

  /// Makes a value one of the plan's outputs, in the order of these calls.
  public mutating func output(_ value: Value, order: OutputOrder = .native) {
    outputs.append((value, order))
  }

  // MARK: Precision

  /// The names of the layers with weights that lower precisions may compute, in order.
  ///
  /// Not among them are layers that read a picture, whose three channels cost next to nothing, and
  /// those whose results are scores and offsets: their errors would come out as they are.
  public var lowPrecisionLayers: [String] {
    layers.indices.filter(toleratesLowPrecision).map { layers[$0].name }
  }

  func toleratesLowPrecision(layer index: Int) -> Bool {
    switch layers[index].operation {
    case .convolution, .linear:
      let result = Value(index: index + 1)
      return channelCount(layers[index].input) >= 16
        && !outputs.contains { $0.value == result && $0.order == .channelsLast }
    case .maxPooling, .globalAveragePooling, .softmax: return false
    }
  }

  /// The network with the ranges that int8 needs.
  ///
  /// - Parameter ranges: for a layer's name, the largest value of its input that is told from larger
  ///   ones, positive; layers that are not named keep float32.
  /// - Returns: the same layers, of which those that are named may be computed in int8.
  public func calibrated(_ ranges: [String: Float]) -> Network {
    var network = self
    for index in layers.indices where toleratesLowPrecision(layer: index) {
      network.layers[index].inputRange = ranges[layers[index].name]
    }
    return network
  }

  /// Whether any layer has a range for int8.
  public var isCalibrated: Bool { layers.contains { $0.inputRange != nil } }

  /// The network with the inputs of `lowPrecisionLayers`, in that order, as further outputs behind
  /// its own: what ranges are measured on.
  public var observingInputs: Network {
    var network = self
    for index in layers.indices where toleratesLowPrecision(layer: index) {
      network.output(layers[index].input)
    }
    return network
  }

  private mutating func append(
    _ operation: Operation, to input: Value, channels count: Int, name: String
  ) -> Value {
    layers.append(Layer(name: name, operation: operation, input: input))
    channels.append(count)
    return Value(index: layers.count)
  }
}
