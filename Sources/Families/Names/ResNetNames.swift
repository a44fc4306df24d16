/// Names of ResNet's layers that several projects share.
enum ResNetNames {
  /// The stem and the stages as torchvision's classes name them, all below one prefix.
  static func torchvision(_ prefix: String) -> [(String, String)] {
    let names = prefix + "."
    return [
      (names + "conv1", "backbone.stem"), (names + "bn1", "backbone.stem.norm"),
    ] + stage(names + "layer#", "backbone.layer#")
  }

  /// A list of the stem, its normalisation, ReLU, pooling and the stages, as `nn.Sequential` numbers them.
  static func sequential(_ prefix: String, stages: ClosedRange<Int>) -> [(String, String)] {
    var rows = [(prefix + ".0", "backbone.stem"), (prefix + ".1", "backbone.stem.norm")]
    for number in stages { rows += stage("\(prefix).\(number + 3)", "backbone.layer\(number)") }
    return rows
  }

  /// The blocks of a stage, or of all stages, as torchvision's classes name their layers.
  static func stage(_ theirs: String, _ ours: String) -> [(String, String)] {
    [
      (theirs + ".#.conv#", ours + ".#.conv#"), (theirs + ".#.bn#", ours + ".#.conv#.norm"),
      (theirs + ".#.downsample.0", ours + ".#.shortcut"),
      (theirs + ".#.downsample.1", ours + ".#.shortcut.norm"),
    ]
  }
}
