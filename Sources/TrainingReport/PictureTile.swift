internal import Detection
public import Images
internal import JSON

/// A small picture in the report, as JPEG in the page itself.
public struct PictureTile: Sendable, Equatable {
  /// The picture as a data URI.
  public let source: String

  /// Its extents, so that the page is laid out before it is decoded.
  public let width, height: Int

  /// Makes a tile of a whole picture.
  ///
  /// - Parameters:
  ///   - image: the picture.
  ///   - longestSide: the most pixels of a side; larger pictures are reduced.
  public init(_ image: Image, longestSide: Int = 460) {
    self.init(
      image, columns: 0..<image.width, rows: 0..<image.height, longestSide: longestSide)
  }

  /// Makes a tile of the surroundings of a box, which must have an area within the picture.
  init(around box: BoundingBox, in image: Image, longestSide: Int = 240) {
    // A square with as much around the box as it is long, so that one sees where it stands.
    let side = max(Int((max(box.width, box.height) * 2.2).rounded(.up)), 32)
    func range(_ low: Float, _ high: Float, _ limit: Int) -> Range<Int> {
      guard side < limit else { return 0..<limit }
      let start = min(max(Int((low + high) / 2) - side / 2, 0), limit - side)
      return start..<start + side
    }
    self.init(
      image, columns: range(box.xMin, box.xMax, image.width),
      rows: range(box.yMin, box.yMax, image.height), longestSide: longestSide)
  }

  private init(_ image: Image, columns: Range<Int>, rows: Range<Int>, longestSide: Int) {
    let reduced = image.reduced(columns: columns, rows: rows, longestSide: longestSide)
    (width, height) = (reduced.width, reduced.height)
    let format = ImageFormat.encoded.first { $0.identifier == "jpeg" } ?? ImageFormat.encoded[0]
    // A tile is far smaller than any limit of a format, so that only memory can be lacking.
    let bytes = (try? reduced.encoded(as: format, quality: 82)) ?? []
    source = "data:\(format.mediaTypes[0]);base64,\(Base64.encode(bytes))"
  }

  func html(alt: String) -> String {
    "<img src=\"\(source)\" width=\"\(width)\" height=\"\(height)\" alt=\"\(alt.escaped)\">"
  }
}

extension Image {
  /// A part of the picture, reduced by averaging so that no side is longer than allowed; small parts are
  /// enlarged up to four times, pixel by pixel, to be seen at all.
  func reduced(columns: Range<Int>, rows: Range<Int>, longestSide: Int) -> Image {
    let longest = max(columns.count, rows.count)
    let scale = min(Double(longestSide) / Double(longest), 4)
    let target = (
      width: max(1, Int((Double(columns.count) * scale).rounded())),
      height: max(1, Int((Double(rows.count) * scale).rounded()))
    )
    func cells(_ range: Range<Int>, _ count: Int) -> [Range<Int>] {
      (0..<count).map { index in
        let low = range.lowerBound + index * range.count / count
        let high = range.lowerBound + (index + 1) * range.count / count
        return low..<max(high, low + 1)
      }
    }
    let across = cells(columns, target.width)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * target.width * target.height)
    for down in cells(rows, target.height) {
      for cell in across {
        var sums = (0, 0, 0)
        for y in down {
          for x in cell {
            let index = 3 * (y * width + x)
            sums.0 += Int(self.pixels[index])
            sums.1 += Int(self.pixels[index + 1])
            sums.2 += Int(self.pixels[index + 2])
          }
        }
        let count = down.count * cell.count
        pixels.append(UInt8((sums.0 + count / 2) / count))
        pixels.append(UInt8((sums.1 + count / 2) / count))
        pixels.append(UInt8((sums.2 + count / 2) / count))
      }
    }
    return Image(width: target.width, height: target.height, pixels: pixels)
  }
}
