import Tensors

extension PictureSize {
  /// What commands say that they take.
  static let expectedText = "rows x columns, each from 16 to 8192, as 600x800"

  /// Reads a size as commands take it: `480x640` is 480 rows of 640 columns.
  init?(rowsByColumns text: String) {
    let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard sides.count == 2, let height = sides[0], let width = sides[1],
      (16...8192).contains(height), (16...8192).contains(width)
    else { return nil }
    self.init(height: height, width: width)
  }
}
