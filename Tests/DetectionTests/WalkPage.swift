import Detection
import Foundation
import Tensors

/// What the walk prints and draws, by the line of source that printed it.
final class WalkPage {
  private(set) var lines: [(sourceLine: Int, text: String)] = []
  private(set) var pictures: [String: String] = [:]

  func print(_ text: String, atLine sourceLine: Int) {
    lines.append((sourceLine, text))
  }

  func draw(_ name: String, _ layers: [(boxes: [BoundingBox], style: Sketch.Style)]) {
    pictures[name] = Sketch(layers: layers).svg
  }
}

/// Boxes over a picture of 800 x 800 pixels, as an SVG.
struct Sketch {
  /// How a box is drawn.
  enum Style {
    case groundTruth
    case candidate
    case background

    fileprivate var attributes: String {
      switch self {
      case .groundTruth: #"stroke="black" stroke-width="6" stroke-dasharray="16 8""#
      case .candidate: #"stroke="seagreen" stroke-width="3""#
      case .background: #"stroke="gray" stroke-width="1" stroke-opacity=".5""#
      }
    }
  }

  let layers: [(boxes: [BoundingBox], style: Style)]

  /// The picture as a grey square with a margin around it, and the boxes over it, the last layer on
  /// top.
  var svg: String {
    var lines = [
      #"<svg xmlns="http://www.w3.org/2000/svg" viewBox="-100 -100 1000 1000" width="400" height="400">"#,
      #"<rect x="-100" y="-100" width="1000" height="1000" fill="white"/>"#,
      #"<rect width="800" height="800" fill="gainsboro"/>"#,
    ]
    for layer in layers {
      lines.append(#"<g fill="none" \#(layer.style.attributes)>"#)
      for box in layer.boxes {
        lines.append(
          #"<rect x="\#(pixel(box.xMin))" y="\#(pixel(box.yMin))" "#
            + #"width="\#(pixel(box.width))" height="\#(pixel(box.height))"/>"#)
      }
      lines.append("</g>")
    }
    return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
  }

  /// A tenth of a pixel is finer than the picture is shown.
  private func pixel(_ value: Float) -> String {
    decimal(value, decimals: 1)
  }
}

/// A number with so many decimals, as `%.4f` writes it.
func decimal(_ value: Float, decimals: Int) -> String {
  String(format: "%.\(decimals)f", Double(value))
}

/// Numbers in columns.
func row(_ values: [Float], decimals: Int) -> String {
  values.map { value in
    let text = decimal(value, decimals: decimals)
    return String(repeating: " ", count: max(0, decimals + 6 - text.count)) + text
  }.joined(separator: " ")
}

/// Offsets from numbers in the order dy, dx, dh, dw.
func boxOffsets(_ values: [Float]) -> [BoxOffset] {
  stride(from: 0, to: values.count, by: 4).map {
    BoxOffset(values[$0], values[$0 + 1], values[$0 + 2], values[$0 + 3], as: .yxyx)
  }
}

extension BoxOffset {
  /// Whether any of the four parts is not 0.
  var isNotZero: Bool { self != BoxOffset(dy: 0, dx: 0, dh: 0, dw: 0) }
}

extension SplitMix64 {
  /// Numbers that are normally distributed but for their tails: sums of twelve uniform ones.
  ///
  /// Additions alone, and exact ones: every machine draws the same numbers.
  mutating func normal(_ count: Int, deviation: Float) -> [Float] {
    (0..<count).map { _ in
      // Twelve numbers of 16 bits from three draws; the variance of each is 1/12 of a unit.
      var sum: UInt64 = 0
      for _ in 0..<3 {
        var bits = next()
        for _ in 0..<4 {
          sum += bits & 0xFFFF
          bits >>= 16
        }
      }
      return (Float(sum) / 65_536 - 6) * deviation
    }
  }
}
