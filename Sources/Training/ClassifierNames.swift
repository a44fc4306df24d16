/// The names of torchvision's ImageNet classifiers, whose features detectors begin with.
enum ClassifierNames {
  /// What a classifier calls a tensor that a detector has under a canonical name; `nil` for those that no
  /// classifier has.
  ///
  /// `vgg16`: `features.N`, and `classifier.0` and `.3` for the first two layers of a head (the dropouts
  /// between them take indices). `resnet`: `conv1`, `bn1`, `layerN.B.convK`, `.bnK`, `.downsample.0` and `.1`.
  static func name(ofTensor canonical: String) -> String? {
    var parts = canonical.split(separator: ".").map(String.init)
    guard parts.count > 2, let part = parts.last else { return nil }
    switch (parts[0], parts[1]) {
    case ("backbone", "features"): return "features." + parts.dropFirst(2).joined(separator: ".")
    case ("backbone", "stem"):
      return (parts[2] == "norm" ? "bn1." : "conv1.") + part
    case ("head", "fc"):
      return ["0": "classifier.0.", "2": "classifier.3."][parts[2]].map { $0 + part }
    case ("backbone", _) where parts[1].hasPrefix("layer") && parts.count > 4:
      parts.removeFirst()
      let isNorm = parts.contains("norm")
      if parts[2] == "shortcut" {
        return "\(parts[0]).\(parts[1]).downsample.\(isNorm ? 1 : 0).\(part)"
      }
      let number = parts[2].dropFirst("conv".count)
      return "\(parts[0]).\(parts[1]).\(isNorm ? "bn" : "conv")\(number).\(part)"
    default: return nil
    }
  }
}
