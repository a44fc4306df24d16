/// VGG16's convolutions by stage and number, as Caffe names them.
enum VGG16Names {
  /// Stages have 2, 2, 3, 3, 3 convolutions, whose indices in torchvision's list count their ReLUs and
  /// the poolings too.
  static func caffe(_ prefix: String, suffix: String = "") -> [(String, String)] {
    var rows: [(String, String)] = []
    var index = 0
    for (stage, count) in [2, 2, 3, 3, 3].enumerated() {
      for number in 1...count {
        rows.append(
          ("\(prefix)conv\(stage + 1)_\(number)\(suffix)", "backbone.features.\(index)"))
        index += 2
      }
      index += 1
    }
    return rows
  }
}
