internal import Compute
internal import Tensors

/// The block of MobileNetV2 and V3 (Sandler et al., arXiv:1801.04381, section 3.3): widen by a 1x1
/// convolution, filter each channel for itself, weigh the channels (V3: squeeze and excitation), and
/// narrow by a 1x1 convolution without activation.
struct InvertedResidual {
  /// What the shapes do not tell.
  struct Settings {
    var stride: Int
    var activation: Network.Activation
    /// Whether channels are weighed.
    var excites = false
  }

  /// `nil` where the block does not widen.
  let expand: ConvolutionLayer?
  let depthwise: ConvolutionLayer
  let squeeze: ConvolutionLayer?
  let excite: ConvolutionLayer?
  let project: ConvolutionLayer
  let settings: Settings
  private let inputs: Int

  init(
    _ reader: ParameterReader, _ name: String, inputs: Int, settings: Settings
  ) throws(ArchitectureError) {
    self.settings = settings
    self.inputs = inputs
    let purpose = "the inverted residual block \(name)"
    var channels = inputs
    if reader.names.hasTensors(below: name + ".expand") {
      let layer = try reader.convolution(name + ".expand", inputs: inputs, size: 1, for: purpose)
      expand = layer
      channels = layer.outputs
    } else {
      expand = nil
    }
    depthwise = try reader.convolution(
      name + ".depthwise", inputs: channels, isDepthwise: true, for: purpose)
    guard depthwise.outputs == channels, !depthwise.size.isMultiple(of: 2) else {
      throw .mismatch(
        tensor: name + ".depthwise.weight", found: depthwise.weights.shape,
        wanted: "\(purpose) needs \(channels)x1xkxk with an odd k")
    }
    if settings.excites {
      let layer = try reader.convolution(
        name + ".squeeze", inputs: channels, size: 1, for: purpose)
      let back = try reader.convolution(
        name + ".excite", inputs: layer.outputs, size: 1, for: purpose)
      guard back.outputs == channels else {
        throw .mismatch(
          tensor: name + ".excite.weight", found: back.weights.shape,
          wanted: "\(purpose) has \(channels) channels to weigh")
      }
      (squeeze, excite) = (layer, back)
    } else {
      (squeeze, excite) = (nil, nil)
    }
    project = try reader.convolution(name + ".project", inputs: channels, size: 1, for: purpose)
  }

  var outputs: Int { project.outputs }

  func append(to network: inout Network, _ input: Network.Value) -> Network.Value {
    let activation = settings.activation
    var value = input
    if let expand { value = expand.append(to: &network, value, activation: activation) }
    value = depthwise.append(
      to: &network, value, stride: settings.stride, activation: activation)
    if let squeeze, let excite {
      let mean = network.globalAveragePooling(value, name: squeeze.name + ".mean")
      let squeezed = squeeze.append(to: &network, mean, activation: .relu)
      let factors = excite.append(to: &network, squeezed, activation: .hardSigmoid)
      value = network.scaleChannels(value, by: factors, name: excite.name + ".product")
    }
    let isResidual = settings.stride == 1 && inputs == outputs
    return project.append(to: &network, value, adding: isResidual ? input : nil)
  }
}
