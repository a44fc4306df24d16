/// Layers as plans of version 0.1 called them, which calibrated files of that time still do.
public enum FormerLayerName {
  /// Ranges of layers under canonical names, whichever of the two they had.
  public static func canonical<Range>(_ ranges: [String: Range]) -> [String: Range] {
    Dictionary(ranges.map { (canonical($0.key) ?? $0.key, $0.value) }) { $1 }
  }

  /// The canonical name of a layer that was called so, or `nil` for another name.
  ///
  /// Convolutions of a VGG were named by stage and number, those of a ResNet by stage, block and letter,
  /// and the fully connected layers counted on from them, as in the papers.
  static func canonical(_ name: String) -> String? {
    switch name {
    case "rpn_conv": return "rpn.conv.0"
    case "rpn_offsets": return "rpn.offsets"
    case "rpn_score": return "rpn.objectness"
    case "class_offsets": return "head.boxes"
    case "class_score": return "head.class"
    case "conv1": return "backbone.stem"
    default: break
    }
    let parts = name.split(separator: "_", omittingEmptySubsequences: false)
    if let layer = number(parts[0], after: "fc"), layer >= 6 {
      // VGG's second hidden layer has the index 2, behind the first one's ReLU.
      let prefix = "head.fc.\(2 * (layer - 6))"
      if parts.count == 1 { return prefix }
      return parts.count == 2 ? Int(parts[1]).map { "\(prefix).\($0)" } : nil
    }
    if let stage = number(parts[0], after: "conv"), parts.count == 2, let place = Int(parts[1]) {
      return vgg(stage: stage, place: place)
    }
    if let stage = number(parts[0], after: "res"), (2...5).contains(stage) {
      return residual(stage: stage, parts.dropFirst())
    }
    return nil
  }

  private static func number(_ text: Substring, after prefix: String) -> Int? {
    text.hasPrefix(prefix) ? Int(text.dropFirst(prefix.count)) : nil
  }

  /// VGG16's stages have 2, 2, 3, 3, 3 convolutions; each takes two indices and a pooling one.
  private static func vgg(stage: Int, place: Int) -> String? {
    let counts = [2, 2, 3, 3, 3]
    guard (1...5).contains(stage), (1...counts[stage - 1]).contains(place) else { return nil }
    let before = counts[..<(stage - 1)].reduce(0) { $0 + 2 * $1 + 1 }
    return "backbone.features.\(before + 2 * (place - 1))"
  }

  private static func residual(stage: Int, _ parts: ArraySlice<Substring>) -> String? {
    guard let last = parts.first else { return nil }
    let digits = last.prefix { $0.isNumber }
    guard let block = Int(digits), block > 0 else { return nil }
    let prefix =
      (stage == 5 ? "head.layer4" : "backbone.layer\(stage - 1)") + ".\(block - 1)"
    switch (last.dropFirst(digits.count), parts.count) {
    case ("a", 1): return prefix + ".conv1"
    case ("b", 1): return prefix + ".conv2"
    case ("c", 1): return prefix + ".conv3"
    case ("", 2) where parts.last == "downsample": return prefix + ".shortcut"
    default: return nil
    }
  }
}
