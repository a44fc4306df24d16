/// Lines over an axis, drawn as SVG; colours and type come from the page's style sheet.
struct LineChart {
  /// One line.
  struct Series {
    /// What it is called in the legend.
    var name: String
    /// Its colour, in the words of a style sheet.
    var colour: String
    var points: [(x: Double, y: Double)]
  }

  var series: [Series]

  /// What the axes measure.
  var xTitle: String
  var yTitle: String

  /// Values that the vertical axis shows in any case.
  var yRange: ClosedRange<Double>?

  /// Values that the horizontal axis shows in any case.
  var xRange: ClosedRange<Double>?

  /// Whether each point is marked, which a few can be.
  var marksPoints = false

  /// Whether another one stands beside it: letters are as large as in one that has the page's width.
  var isHalf = false

  private var width: Double { isHalf ? 490 : 1000 }
  private var height: Double { isHalf ? 270 : 330 }
  private static let (left, right, top, bottom) = (66.0, 14.0, 12.0, 44.0)

  /// The drawing with its legend; words where there is nothing to draw.
  var html: String {
    let all = series.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite }
    guard let first = all.first else { return "<p class=\"quiet\">Nothing to draw yet.</p>" }
    func range(
      _ value: (Double, Double) -> Double, _ given: ClosedRange<Double>?
    ) -> ClosedRange<Double> {
      var (low, high) = (value(first.x, first.y), value(first.x, first.y))
      for point in all {
        low = min(low, value(point.x, point.y))
        high = max(high, value(point.x, point.y))
      }
      guard let given else { return low...high }
      return min(low, given.lowerBound)...max(high, given.upperBound)
    }
    let x = AxisScale(range({ x, _ in x }, xRange), count: isHalf ? 5 : 10, isWidened: false)
    let y = AxisScale(range({ _, y in y }, yRange), count: 5)
    let plot = Plot(x: x, y: y, width: width, height: height)
    var svg =
      "<svg viewBox=\"0 0 \(width.place) \(height.place)\" role=\"img\" aria-label=\""
      + "\(yTitle.escaped) by \(xTitle.escaped)\">"
    for tick in y.ticks {
      let place = plot.y(tick).place
      svg +=
        "<path class=\"grid\" d=\"M\(Self.left.place) \(place)H\((width - Self.right).place)\"/>"
        + "<text class=\"tick\" x=\"\((Self.left - 8).place)\" y=\"\(place)\" dy=\".35em\" "
        + "text-anchor=\"end\">\(y.text(of: tick))</text>"
    }
    let floor = height - Self.bottom
    for tick in x.ticks {
      let place = plot.x(tick).place
      svg +=
        "<path class=\"axis\" d=\"M\(place) \(floor.place)v4\"/>"
        + "<text class=\"tick\" x=\"\(place)\" y=\"\((floor + 17).place)\" text-anchor=\"middle\">"
        + "\(x.text(of: tick))</text>"
    }
    svg +=
      "<path class=\"axis\" d=\"M\(Self.left.place) \(floor.place)H\((width - Self.right).place)\"/>"
      + "<text class=\"title\" x=\"\(((Self.left + width - Self.right) / 2).place)\" "
      + "y=\"\((height - 8).place)\" text-anchor=\"middle\">\(xTitle.escaped)</text>"
      + "<text class=\"title\" transform=\"translate(14 \((floor / 2).place)) rotate(-90)\" "
      + "text-anchor=\"middle\">\(yTitle.escaped)</text>"
    for line in series { svg += plot.path(line, marksPoints: marksPoints) }
    svg += "</svg>"
    guard series.count > 1 else { return "<figure>\(svg)</figure>" }
    let legend = series.map {
      "<li><span class=\"swatch\" style=\"background:\($0.colour)\"></span>\($0.name.escaped)</li>"
    }.joined()
    return "<figure>\(svg)<ul class=\"legend\">\(legend)</ul></figure>"
  }

  private struct Plot {
    let x: AxisScale
    let y: AxisScale
    let width: Double
    let height: Double

    func x(_ value: Double) -> Double {
      LineChart.left + x.share(of: value) * (width - LineChart.left - LineChart.right)
    }

    func y(_ value: Double) -> Double {
      LineChart.top
        + (1 - y.share(of: value)) * (height - LineChart.top - LineChart.bottom)
    }

    func path(_ series: Series, marksPoints: Bool) -> String {
      var path = ""
      var marks = ""
      for point in series.points where point.x.isFinite && point.y.isFinite {
        let (left, top) = (x(point.x).place, y(point.y).place)
        if path.isEmpty {
          path = "M\(left) \(top)"
        } else {
          path += "L\(left) \(top)"
        }
        if marksPoints {
          marks +=
            "<circle style=\"fill:\(series.colour)\" cx=\"\(left)\" cy=\"\(top)\" r=\"3.5\"><title>"
            + "\(series.name.escaped): \(point.y.fixed(4)) at \(point.x.fixed(1))</title></circle>"
        }
      }
      return "<path class=\"line\" style=\"stroke:\(series.colour)\" d=\"\(path)\"/>" + marks
    }
  }
}
