internal import Glibc
public import Tensors

/// A VGG16 Faster R-CNN with random weights.
///
/// It is where training starts, and what speed is measured with: no number in it means anything.
/// The RPN and the head are normal with a deviation of 0.01 and zero bias as notes 001, 002 and 004
/// have it, 0.001 for the class offsets as in simple-faster-rcnn (`VGG16RoIHead`). The backbone,
/// which the notes take from a trained classifier, is He-normal (He et al. 2015, equation 10), so
/// that activations neither fade nor grow from layer to layer.
public struct RandomVGG16: Sendable {
  /// The number of classes of objects; background is not counted.
  public var classCount: Int

  /// What all layer widths are multiplied by; 1 is VGG16 itself.
  public var width: Double

  /// The number of anchors at each place: ratios times scales.
  public var anchorCount: Int

  /// Equal seeds give equal weights, whatever else is asked for.
  public var seed: UInt64

  /// Describes a network; traps on counts below 1 and a width outside of 0 to 4.
  public init(classCount: Int = 20, width: Double = 1, anchorCount: Int = 9, seed: UInt64 = 0) {
    precondition(classCount > 0 && anchorCount > 0, "\(classCount) classes, \(anchorCount) anchors")
    precondition(width > 0 && width <= 4, "width \(width) is not above 0 and at most 4")
    self.classCount = classCount
    self.width = width
    self.anchorCount = anchorCount
    self.seed = seed
  }

  /// One tensor to be made: a canonical name, a shape, and the deviation of its values.
  struct Layer: Equatable {
    let name: String
    /// Tells its stream of random numbers from those of others.
    ///
    /// These words are older than the canonical names, and stay, so that a seed goes on to mean the same
    /// weights.
    let stream: String
    let shape: Shape
    let deviation: Float
  }

  /// The number of weights.
  public var parameterCount: Int { layers.reduce(0) { $0 + $1.shape.count } }

  /// Makes the tensors.
  ///
  /// - Parameters:
  ///   - metadata: What the checkpoint's file shall say beside the tensors.
  ///   - naming: What the file calls a tensor of a canonical name.
  ///   - progress: Called after each tensor with the number of weights made so far.
  /// - Returns: 4 bytes of memory for each weight: 548 MB for VGG16 itself.
  public func stateDictionary(
    metadata: [String: String] = [:], naming: (String) -> String = { $0 },
    progress: (Int) -> Void = { _ in }
  ) -> StateDictionary {
    var result = StateDictionary(metadata: metadata)
    var madeCount = 0
    for layer in layers {
      result[naming(layer.name)] = tensor(layer)
      madeCount += layer.shape.count
      progress(madeCount)
    }
    return result
  }

  /// The tensors in the order of the network.
  var layers: [Layer] {
    func scaled(_ channels: Int) -> Int { max(1, Int(Double(channels) * width)) }
    var layers: [Layer] = []
    func add(_ name: String, _ weight: Shape, deviation: Float, stream: String) {
      for (part, shape, deviation) in [(".weight", weight, deviation), (".bias", [weight[0]], 0)]
        as [(String, Shape, Float)]
      {
        layers.append(
          Layer(name: name + part, stream: stream + part, shape: shape, deviation: deviation))
      }
    }
    // Numbered as in torchvision's `vgg16.features`: a convolution and its ReLU take two indices, a
    // pooling one. The fifth pooling is not part of the backbone.
    var index = 0
    var channels = 3
    for (stage, (count, wide)) in [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)].enumerated() {
      if stage > 0 { index += 1 }
      for _ in 0..<count {
        let outputs = scaled(wide)
        add(
          "backbone.features.\(index)", [outputs, channels, 3, 3],
          deviation: (2 / Float(channels * 9)).squareRoot(), stream: "extractor.\(index)")
        channels = outputs
        index += 2
      }
    }
    let (middle, hidden) = (scaled(512), scaled(4096))
    add("rpn.conv.0", [middle, channels, 3, 3], deviation: 0.01, stream: "rpn.conv1")
    add("rpn.objectness", [anchorCount * 2, middle, 1, 1], deviation: 0.01, stream: "rpn.score")
    add("rpn.offsets", [anchorCount * 4, middle, 1, 1], deviation: 0.01, stream: "rpn.loc")
    add("head.fc.0", [hidden, channels * 49], deviation: 0.01, stream: "head.classifier.0")
    add("head.fc.2", [hidden, hidden], deviation: 0.01, stream: "head.classifier.2")
    add("head.boxes", [(classCount + 1) * 4, hidden], deviation: 0.001, stream: "head.cls_loc")
    add("head.class", [classCount + 1, hidden], deviation: 0.01, stream: "head.score")
    return layers
  }

  private func tensor(_ layer: Layer) -> StoredTensor {
    let count = layer.shape.count
    let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
    unsafe values.initialize(repeating: 0)
    if layer.deviation > 0 {
      var generator = SplitMix64(seed: seed ^ layer.stream.utf8.fnv1a)
      for index in stride(from: 0, to: count, by: 2) {
        let (first, second) = generator.nextNormalPair()
        // Safety: `index` is below `count`, and `index + 1` is asked about.
        unsafe values[index] = first * layer.deviation
        if index + 1 < count { unsafe values[index + 1] = second * layer.deviation }
      }
    }
    // Safety: the block is given to the storage, which frees it once through its own address.
    let storage = unsafe ByteStorage(adopting: UnsafeRawBufferPointer(values)) { bytes in
      unsafe bytes.baseAddress?.deallocate()
    }
    guard
      let tensor = StoredTensor(
        elementType: .float32, shape: layer.shape, storage: storage, byteOffset: 0)
    else { preconditionFailure("\(storage.count) bytes do not hold the shape \(layer.shape)") }
    return tensor
  }
}

extension SplitMix64 {
  /// Two independent draws from the standard normal distribution (Box and Muller 1958).
  public mutating func nextNormalPair() -> (Float, Float) {
    let bits = next()
    // Above 0, for the logarithm: 24 bits of the draw for each of the two uniform numbers.
    let uniform = (Float(bits >> 40) + 0.5) * 0x1p-24
    let angle = Float(bits & 0xFF_FFFF) * (2 * .pi * 0x1p-24)
    let radius = (-2 * logf(uniform)).squareRoot()
    return (radius * cosf(angle), radius * sinf(angle))
  }
}

extension String.UTF8View {
  /// FNV-1a, 64 bits: tells the streams of two tensors apart.
  public var fnv1a: UInt64 {
    reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  }
}
