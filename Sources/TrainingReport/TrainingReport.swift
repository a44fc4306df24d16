internal import Evaluation

/// What a training came to, as one HTML file without any part outside of it.
public struct TrainingReport: Sendable {
  /// What stands at the top.
  public var title: String

  /// A sentence under the title, as how it ended.
  public var summary: String

  /// A few figures for the first glance: what and how much.
  public var figures: [(name: String, value: String)] = []

  /// The names of the classes.
  public var labels: [String]

  /// Losses and measurements.
  public var history: TrainingHistory

  /// What the finished model finds in the pictures that were held back; `nil` where there are none.
  public var review: DetectionReview?

  /// Pictures as the network was shown them, with their names.
  public var samples: [(name: String, tile: PictureTile)] = []

  /// What was found in the data before the first step.
  public var findings: [String] = []

  /// All settings, in the order in which they are listed.
  public var settings: [(name: String, value: String)] = []

  /// Makes a report.
  public init(title: String, summary: String, labels: [String], history: TrainingHistory) {
    self.title = title
    self.summary = summary
    self.labels = labels
    self.history = history
  }

  /// The file's text.
  public var html: String {
    var body = "<h1>\(title.escaped)</h1><p class=\"quiet\">\(summary.escaped)</p>"
    if !figures.isEmpty {
      body += "<ul class=\"cards\">"
      for figure in figures {
        body += "<li><b>\(figure.value.escaped)</b><span>\(figure.name.escaped)</span></li>"
      }
      body += "</ul>"
    }
    body += losses + precision + pictures + data
    // The policy says to the browser what the file promises: nothing is loaded, nothing runs.
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
      <title>\(title.escaped)</title><style>\(ReportStyle.css)</style></head>
      <body><main>\(body)</main></body></html>

      """
  }

  // MARK: Losses

  /// The most points of a line: more than one in two pixels show nothing.
  private static let pointCount = 300

  private var losses: String {
    guard !history.steps.isEmpty else { return "" }
    let bins = Self.bins(history.steps)
    func series(
      _ name: String, _ colour: Int, _ value: (TrainingHistory.Step) -> Float
    ) -> LineChart.Series {
      LineChart.Series(
        name: name, colour: ReportStyle.colours[colour],
        points: bins.map { bin in
          (Double(bin.last?.epoch ?? 0), Self.mean(bin, value))
        })
    }
    let per = (history.steps.count + bins.count - 1) / max(bins.count, 1)
    let each = per > 1 ? " Each point is the mean of \(per) steps." : ""
    let loss = LineChart(
      series: [
        series("total", 0, \.total),
        series("RPN: object or not", 1, \.rpnClassification),
        series("RPN: where", 2, \.rpnRegression),
        series("head: which class", 3, \.roiClassification),
        series("head: where", 4, \.roiRegression),
      ], xTitle: "epoch", yTitle: "loss", yRange: 0...0)
    let rate = LineChart(
      series: [series("learning rate", 0, \.rate)], xTitle: "epoch", yTitle: "learning rate",
      yRange: 0...0, isHalf: true)
    let norm = LineChart(
      series: [series("norm of the gradients", 5, \.gradientNorm)], xTitle: "epoch",
      yTitle: "norm of the gradients", yRange: 0...0, isHalf: true)
    return "<h2>Losses</h2><p class=\"quiet\">What the network is taught to make small.\(each)</p>"
      + loss.html + "<div class=\"pair\" style=\"margin-top:20px\">\(rate.html)\(norm.html)</div>"
  }

  private static func bins(_ steps: [TrainingHistory.Step]) -> [ArraySlice<TrainingHistory.Step>] {
    let size = max(1, (steps.count + pointCount - 1) / pointCount)
    return stride(from: 0, to: steps.count, by: size).map {
      steps[$0..<min($0 + size, steps.count)]
    }
  }

  private static func mean(
    _ steps: ArraySlice<TrainingHistory.Step>, _ value: (TrainingHistory.Step) -> Float
  ) -> Double {
    steps.reduce(0) { $0 + Double(value($1)) } / Double(max(steps.count, 1))
  }

  // MARK: Precision

  private var precision: String {
    var html = ""
    if !history.validations.isEmpty {
      var series = labels.enumerated().map { classID, label in
        LineChart.Series(
          name: label, colour: ReportStyle.colour(ofClass: classID),
          points: history.validations.compactMap { validation in
            validation.classes.indices.contains(classID)
              ? validation.classes[classID].map { (Double(validation.epoch), $0) } : nil
          })
      }
      series.insert(
        LineChart.Series(
          name: "mean", colour: ReportStyle.ink,
          points: history.validations.compactMap { validation in
            validation.mean.map { (Double(validation.epoch), $0) }
          }), at: 0)
      let chart = LineChart(
        series: series, xTitle: "epoch", yTitle: "average precision", yRange: 0...1, xRange: 0...0,
        marksPoints: history.validations.count <= 60)
      html +=
        "<h2>Average precision</h2><p class=\"quiet\">On the pictures that are not trained on, at an "
        + "overlap of one half.</p>" + chart.html
    }
    guard let review else { return html }
    html += Self.table(review)
    html += "<div class=\"pair\"><section>" + Self.curves(review) + "</section><section>"
    html += Self.matrix(review) + "</section></div>"
    return html
  }

  private static func table(_ review: DetectionReview) -> String {
    var html =
      "<h2>By class</h2><p class=\"quiet\">The finished model on \(review.pictureCount) pictures.</p>"
      + "<div class=\"scroll\"><table><tr><th>class</th><th>objects</th><th>detections</th>"
      + "<th>AP</th></tr>"
    for (label, result) in zip(review.labels, review.evaluation.classes) {
      let precision = result.averagePrecision(.allPoint)?.fixed(4) ?? "–"
      html +=
        "<tr><td>\(label.escaped)</td><td>\(result.groundTruthCount)</td>"
        + "<td>\(result.detectionCount)</td><td>\(precision)</td></tr>"
    }
    let mean = review.evaluation.meanAveragePrecision(.allPoint)?.fixed(4) ?? "–"
    return html + "<tr><td>mean</td><td></td><td></td><td><b>\(mean)</b></td></tr></table></div>"
  }

  private static func curves(_ review: DetectionReview) -> String {
    let series = zip(review.labels, review.evaluation.classes).enumerated().compactMap {
      classID, entry -> LineChart.Series? in
      guard let curve = entry.1.curve else { return nil }
      let points = zip(curve.recall, curve.precision).map { (x: $0, y: $1) }
      return LineChart.Series(
        name: entry.0, colour: ReportStyle.colour(ofClass: classID), points: thinned(points))
    }
    let chart = LineChart(
      series: series, xTitle: "recall", yTitle: "precision", yRange: 0...1, xRange: 0...1,
      isHalf: true)
    return
      "<h2>Precision and recall</h2><p class=\"quiet\">From the surest detections at the left to all "
      + "at the right.</p>" + chart.html
  }

  /// Some points of a curve that has one for each detection, the last among them.
  private static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    guard points.count > pointCount else { return points }
    return (0..<pointCount).map { points[$0 * (points.count - 1) / (pointCount - 1)] }
  }

  private static func matrix(_ review: DetectionReview) -> String {
    let options = review.confusion.options
    var html =
      "<h2>What is taken for what</h2><p class=\"quiet\">Rows are what people marked, columns what the "
      + "model says from a score of \(options.scoreThreshold.fixed(2)) on.</p><div class=\"scroll\">"
      + "<table class=\"matrix\"><tr><th></th>"
    for label in review.labels + ["missed"] { html += "<th>\(label.escaped)</th>" }
    html += "</tr>"
    for (row, counts) in review.confusion.counts.enumerated() {
      let isBackground = row == review.labels.count
      let total = counts.reduce(0, +)
      html += "<tr><th>\(isBackground ? "nothing" : review.labels[row].escaped)</th>"
      for (column, count) in counts.enumerated() {
        if isBackground, column == review.labels.count {
          html += "<td></td>"
          continue
        }
        let share = total == 0 ? 0 : Double(count) / Double(total)
        let colour = row == column ? "--good" : "--bad"
        // Of what is found in the background no part says anything: there is no end of background.
        let percent = isBackground || total == 0 ? "" : "<small>\((100 * share).fixed(0)) %</small>"
        let strength = isBackground ? min(share, 1) * 25 : share * 55
        html +=
          "<td style=\"background:color-mix(in srgb,var(\(colour)) \(strength.fixed(0))%,transparent)\">"
          + "<b>\(count)</b>\(percent)</td>"
      }
      html += "</tr>"
    }
    return html + "</table></div>"
  }

  // MARK: Pictures

  private var pictures: String {
    var html = ""
    if let review {
      html += Self.tiles(
        "Worst misses", "Objects that the model does not find, the largest first.",
        empty: "Every object was found.", review.misses)
      html += Self.tiles(
        "Worst false alarms",
        "What it is sure of and wrong about; sometimes the annotation is what is wrong.",
        empty: "Nothing was found that is not there.", review.falseAlarms)
    }
    if !samples.isEmpty {
      html +=
        "<h2>What the network sees</h2><p class=\"quiet\">Pictures as they were trained on: mirrored, "
        + "nearer or further away, in other light.</p><ul class=\"tiles wide\">"
      for sample in samples {
        html +=
          "<li>\(sample.tile.html(alt: sample.name))<div><span>\(sample.name.escaped)</span></div></li>"
      }
      html += "</ul>"
    }
    return html
  }

  private static func tiles(
    _ title: String, _ words: String, empty: String, _ errors: [DetectionReview.Mistake]
  ) -> String {
    guard !errors.isEmpty else { return "<h2>\(title)</h2><p class=\"quiet\">\(empty)</p>" }
    var html = "<h2>\(title)</h2><p class=\"quiet\">\(words)</p><ul class=\"tiles square\">"
    for error in errors {
      html +=
        "<li>\(error.tile.html(alt: error.words))<div>\(error.words.escaped)<br><span>"
        + "\((error.name.split(separator: "/").last ?? "").escaped)</span></div></li>"
    }
    return html + "</ul>"
  }

  // MARK: Data and settings

  private var data: String {
    var html = ""
    if !findings.isEmpty {
      html +=
        "<h2>The data</h2><details><summary>\(findings.count) things that were noticed before the "
        + "first step</summary><ul class=\"plain\">"
      for finding in findings { html += "<li>\(finding.escaped)</li>" }
      html += "</ul></details>"
    }
    if !settings.isEmpty {
      html += "<h2>Settings</h2><div class=\"scroll\"><table>"
      for setting in settings {
        html +=
          "<tr><td>\(setting.name.escaped)</td><td class=\"name\">\(setting.value.escaped)</td></tr>"
      }
      html += "</table></div>"
    }
    return html
  }
}
