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

  /// How a plan hands a value out.
  public enum OutputOrder: Sendable, Hashable {
    /// In whatever layout the last layer writes: for further layers, or readers of blocked channels.
    case native
    /// Channels innermost (NHWC), or row-major for values of two axes.
    case channelsLast
  }

  struct Layer: Sendable {
    var name: String
    var operation: any Operation
    /// The values of the input that int8 tells apart, others being cut off; `nil` where the layer is not to
    /// be computed in int8.
    var inputRange: ClosedRange<Float>?

    /// What the layer is applied to.
    var input: Value { operation.inputs[0] }
  }

  /// The channels that each input must have.
  public let inputChannels: [Int]

  private(set) var layers: [Layer] = []
  private(set) var channels: [Int]
  private(set) var outputs: [(value: Value, order: OutputOrder)] = []

  /// Starts a network on one input of so many channels.
  public init(inputChannels: Int) { self.init(inputs: [inputChannels]) }

  /// Starts a network on several inputs, each with so many channels; traps where there is none.
  public init(inputs: [Int]) {
    precondition(!inputs.isEmpty, "a network without inputs")
    inputChannels = inputs
    channels = inputs
  }

  /// The inputs, in their order.
  public var inputs: [Value] { inputChannels.indices.map(Value.init(index:)) }

  /// The first input.
  public var input: Value { Value(index: 0) }

  /// What a layer makes.
  func result(ofLayer index: Int) -> Value { Value(index: inputChannels.count + index) }

  /// The layer that makes a value; `nil` for inputs.
  func maker(of value: Value) -> Int? {
    value.index < inputChannels.count ? nil : value.index - inputChannels.count
  }

  /// The number of channels of a value.
  public func channelCount(_ value: Value) -> Int { channels[value.index] }

  /// The bytes of the layers' weights in all layouts in which plans keep them.
  public var preparedByteCount: Int { Self.preparedByteCount(of: [self]) }

  /// The same of several networks, whose common weights count once.
  public static func preparedByteCount(of networks: [Network]) -> Int {
    var seen: Set<ObjectIdentifier> = []
    let layers = networks.flatMap(\.layers)
    return layers.compactMap(\.operation.weights).reduce(0) { sum, weights in
      seen.insert(ObjectIdentifier(weights)).inserted ? sum + weights.preparedByteCount : sum
    }
  }

  /// Makes a value one of the plan's outputs, in the order of these calls.
  public mutating func output(_ value: Value, order: OutputOrder = .native) {
    outputs.append((value, order))
  }

  /// For each value, whether none of its numbers can be negative.
  var nonNegativeValues: [Bool] {
    var result = [Bool](repeating: false, count: inputChannels.count)
    for layer in layers {
      let operation = layer.operation
      result.append(operation.isNonNegative(operation.inputs.map { result[$0.index] }))
    }
    return result
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
    let layer = layers[index]
    let result = result(ofLayer: index)
    return layer.operation.bearsLowPrecision && channelCount(layer.input) >= 16
      && !outputs.contains { $0.value == result && $0.order == .channelsLast }
  }

  /// Whether a layer reads a picture with large windows, which cost as much as other layers do.
  ///
  /// bf16 tells its values apart as a picture's bytes do.
  func isStem(layer index: Int) -> Bool {
    guard let convolution = layers[index].operation as? Convolution else { return false }
    return maker(of: convolution.inputs[0]) == nil && channelCount(convolution.inputs[0]) == 3
      && convolution.window.stride > 1 && convolution.kernel.reduce(1, *) > 9
      && !isOutput(result(ofLayer: index))
  }

  /// The network with the ranges that int8 needs.
  ///
  /// - Parameter ranges: for a layer's name, the values of its input that are told apart, others being cut
  ///   off: from 0 on, or from less where `readsSignedBytes` has the layer. Layers that are not named keep
  ///   float32.
  /// - Returns: the same layers, of which those that are named may be computed in int8.
  public func calibrated(_ ranges: [String: ClosedRange<Float>]) -> Network {
    var network = self
    for index in layers.indices where toleratesLowPrecision(layer: index) {
      let range = ranges[layers[index].name]
      let isReadable = range.map { $0.lowerBound >= 0 || layers[index].operation.readsSignedBytes }
      network.layers[index].inputRange = isReadable == true ? range : nil
    }
    return network
  }

  /// The names of the layers that read bytes with a zero among them, and so negative values.
  public var readsSignedBytes: Set<String> {
    Set(layers.filter(\.operation.readsSignedBytes).map(\.name))
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

  /// Adds a layer whose result has so many channels.
  mutating func append(_ operation: any Operation, channels count: Int, name: String) -> Value {
    for input in operation.inputs {
      precondition(input.index < channels.count, "\(name) reads a value of another network")
    }
    return append(Layer(name: name, operation: operation), channels: count)
  }

  /// Adds a layer of another network, with its range.
  mutating func append(_ layer: Layer, channels count: Int) -> Value {
    layers.append(layer)
    channels.append(count)
    return Value(index: channels.count - 1)
  }

  // MARK: Readers

  /// The layers that read a value, in order.
  func readers(of value: Value) -> [Int] {
    layers.indices.filter { layers[$0].operation.inputs.contains(value) }
  }

  func isOutput(_ value: Value) -> Bool { outputs.contains { $0.value == value } }

  /// Whether a value is read after some layer: by a later one, or as an output.
  func isRead(_ value: Value, afterLayer index: Int) -> Bool {
    isOutput(value)
      || layers[(index + 1)...].contains { $0.operation.inputs.contains(value) }
  }

  /// Whether a layer is the only reader of a value.
  func isRead(_ value: Value, onlyByLayer index: Int) -> Bool {
    !isOutput(value) && readers(of: value) == [index]
  }
}
