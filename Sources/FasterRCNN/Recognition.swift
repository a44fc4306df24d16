internal import Checkpoints
internal import Networks
internal import Tensors

/// Which family a checkpoint comes from, as far as the file itself tells.
///
/// Names, shapes and what else was saved decide. A flat VGG file decides nothing: simple-faster-rcnn
/// and bubbliiiing give the same tensors the same names and mean different things by them. Then the
/// likelier one is assumed, and that is said.
struct Recognition {
  /// The profile that the file calls for.
  let profile: ModelProfile

  /// The tensors under simple-faster-rcnn's names.
  let state: StateDictionary

  /// What was assumed because the file does not say, and why; `nil` where nothing was.
  let assumption: String?

  /// What the file says of its own training, where it says it.
  let settings: ModelSettings

  /// Recognises a checkpoint.
  ///
  /// - Parameters:
  ///   - checkpoint: the tensors and whatever else the file holds.
  ///   - requested: the name of the profile that the user or the model's settings ask for.
  /// - Throws: `ModelError` where the name is unknown, or the tensors are of no family.
  init(_ checkpoint: Checkpoint, requested: String?) throws(ModelError) {
    let original = checkpoint.stateDictionary
    var found: ModelProfile?
    var assumption: String?
    var settings = ModelSettings()
    if original["extractor/conv1_1/conv/W"] != nil {
      state = original.renamed(Self.chainerName)
      found = .chainerCV
    } else {
      // PyTorch's count of training steps is no weight.
      state = original.renamed { $0.hasSuffix(".num_batches_tracked") ? nil : $0 }
      if original["extractor.4.0.conv1.weight"] != nil {
        found = .bubbliiiingResNet50
      } else if original["extractor.0.weight"] == nil {
        throw .architecture(
          .missing(tensor: "extractor.0.weight", neededFor: Self.names(of: original)))
      } else if let config = checkpoint.attributes["config"] {
        // simple-faster-rcnn saves its options beside the model.
        let isCaffe = config["caffe_pretrain"]?.boolean == true
        found = isCaffe ? .simpleFasterRCNNCaffe : .simpleFasterRCNN
        settings.minSize = Self.side(config["min_size"])
        settings.maxSize = Self.side(config["max_size"])
      }
    }
    self.settings = settings
    if let requested {
      guard let profile = ModelProfile.named(requested) else { throw .unknownProfile(requested) }
      self.profile = profile
    } else if let found {
      profile = found
    } else {
      // simple-faster-rcnn's trainer saves nested files, so a flat one of PyTorch is bubbliiiing's;
      // safetensors files are written by converters, this program's among them.
      let isPyTorch = [.pyTorchArchive, .pyTorchLegacy].contains(checkpoint.format)
      profile = isPyTorch ? .bubbliiiingVGG : .simpleFasterRCNN
      assumption =
        "profile \(profile.name), because the file is a flat \(checkpoint.format) of VGG tensors, "
        + "which simple-faster-rcnn and bubbliiiing-vgg name alike; give --profile to choose"
    }
    self.assumption = assumption
  }

  /// A side in pixels that a file's own options give, if it makes sense.
  private static func side(_ value: PickleValue?) -> Int? {
    value?.integer.flatMap { (1...8192).contains($0) ? $0 : nil }
  }

  private static func names(of state: StateDictionary) -> String {
    let names = state.names.prefix(3).map { "\"\($0)\"" }.joined(separator: ", ")
    return "a Faster R-CNN of any family known here (the file has \(state.count) tensors"
      + (names.isEmpty ? ")" : ": \(names), ...)")
  }

  /// Chainer's name of a parameter as simple-faster-rcnn's; `nil` for what is no parameter.
  ///
  /// VGG's convolutions stand at the indices that torchvision gives them: a convolution and its ReLU
  /// take two, a pooling one.
  static func chainerName(_ name: String) -> String? {
    var parts = name.split(separator: "/").map(String.init)
    guard let kind = parts.popLast(), let suffix = ["W": "weight", "b": "bias"][kind] else {
      return nil
    }
    if parts.last == "conv", parts.count == 3 { parts.removeLast() }
    guard parts.count == 2 else { return nil }
    let (part, layer) = (parts[0], parts[1])
    switch (part, layer) {
    case ("extractor", _):
      let numbers = layer.dropFirst("conv".count).split(separator: "_").compactMap { Int($0) }
      guard layer.hasPrefix("conv"), numbers.count == 2 else { return nil }
      // VGG16's stages have 2, 2, 3, 3, 3 convolutions.
      let stages = [2, 2, 3, 3, 3]
      guard (1...5).contains(numbers[0]), (1...stages[numbers[0] - 1]).contains(numbers[1]) else {
        return nil
      }
      let before = stages[..<(numbers[0] - 1)].reduce(0) { $0 + 2 * $1 + 1 }
      return "extractor.\(before + 2 * (numbers[1] - 1)).\(suffix)"
    case ("rpn", "conv1"), ("rpn", "score"), ("rpn", "loc"), ("head", "score"), ("head", "cls_loc"):
      return "\(part).\(layer).\(suffix)"
    case ("head", "fc6"): return "head.classifier.0.\(suffix)"
    case ("head", "fc7"): return "head.classifier.2.\(suffix)"
    default: return nil
    }
  }
}

extension StateDictionary {
  /// The tensors under other names; those for which there is none are left out.
  func renamed(_ rename: (String) -> String?) -> StateDictionary {
    var result = StateDictionary(metadata: metadata)
    for name in names {
      if let new = rename(name) { result[new] = self[name] }
    }
    return result
  }
}
