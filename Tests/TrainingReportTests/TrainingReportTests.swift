import Detection
import Evaluation
import Images
import Testing

@testable import TrainingReport

private func box(_ x: Float, _ y: Float, _ width: Float, _ height: Float) -> BoundingBox {
  BoundingBox(yMin: y, xMin: x, yMax: y + height, xMax: x + width)
}

private let grey = Image(
  width: 200, height: 120, pixels: [UInt8](repeating: 128, count: 3 * 200 * 120))

private func history(steps: Int) -> TrainingHistory {
  var history = TrainingHistory()
  for step in 1...steps {
    history.steps.append(
      .init(
        iteration: step, epoch: Float(step) / 100, rate: 0.01, total: 4 / Float(step),
        rpnClassification: 1, rpnRegression: 0.5, roiClassification: 0.2, roiRegression: 0.1,
        gradientNorm: 3))
  }
  return history
}

@Suite struct TrainingReportTests {
  @Test func theFileHoldsEverythingAndLoadsNothing() {
    var history = history(steps: 1000)
    history.validations = [
      .init(iteration: 500, epoch: 5, classes: [0.5, nil]),
      .init(iteration: 1000, epoch: 10, classes: [0.75, nil]),
    ]
    var review = DetectionReview(labels: ["cat <b>", "dog"])
    review.add(
      name: "one.jpg", image: grey,
      detections: [
        ScoredBox(box: box(10, 10, 40, 40), classID: 0, score: 0.9),
        ScoredBox(box: box(100, 60, 30, 30), classID: 1, score: 0.8),
      ],
      groundTruth: [
        GroundTruthObject(box: box(10, 10, 40, 40), classID: 0),
        GroundTruthObject(box: box(150, 10, 40, 40), classID: 1),
      ])
    var report = TrainingReport(
      title: "a & b", summary: "Ended", labels: ["cat <b>", "dog"], history: history)
    report.review = review
    report.samples = [("seen.jpg", PictureTile(grey))]
    report.findings = ["one.jpg: a \"finding\""]
    report.settings = [("rate", "0.01")]
    report.figures = [("best mAP", "0.75")]
    let html = report.html
    for expected in [
      "<title>a &amp; b</title>", "cat &lt;b&gt;", "Worst misses", "Worst false alarms",
      "nothing found there", "but nothing is marked there", "a &quot;finding&quot;",
      "What the network sees", "What is taken for what", "Precision and recall", "0.7500",
      "Each point is the mean of 4 steps", "prefers-color-scheme:dark", "RPN: where",
    ] { #expect(html.contains(expected), "\(expected)") }
    #expect(!html.contains("cat <b>"))
    // No address but data, and no script.
    for foreign in ["http:", "https:", "//", "<script", "<link", "@import", "url("] {
      #expect(
        !html.replacing(/base64,[A-Za-z0-9+\/=]+/, with: "").contains(foreign), "\(foreign)")
    }
    #expect(html.contains("default-src 'none'"))
    #expect(html.ranges(of: "src=\"data:image/jpeg;base64,/9j/").count == 3)
    // Every tag that is opened is closed.
    for tag in ["svg", "figure", "table", "ul", "div", "section", "details", "main"] {
      let opened = html.ranges(of: "<\(tag)>").count + html.ranges(of: "<\(tag) ").count
      #expect(opened == html.ranges(of: "</\(tag)>").count, "\(tag)")
    }
  }

  @Test func aTrainingThatHasJustBegunHasAReport() {
    let report = TrainingReport(
      title: "t", summary: "s", labels: ["a"], history: TrainingHistory())
    #expect(report.html.contains("<h1>t</h1>"))
    let once = TrainingReport(title: "t", summary: "s", labels: ["a"], history: history(steps: 1))
    #expect(once.html.contains("Losses") && !once.html.contains("Each point"))
  }

  @Test func stepsSurviveAsNumbers() throws {
    let step = history(steps: 3).steps[2]
    #expect(step.values.count == TrainingHistory.Step.valueCount)
    #expect(TrainingHistory.Step(iteration: 3, values: step.values) == step)
    #expect(TrainingHistory.Step(iteration: 3, values: [1, 2]) == nil)
  }

  @Test func theBestMeasurementIsTheEarliestOfEqualOnes() {
    var history = TrainingHistory()
    #expect(history.best == nil)
    history.validations = [
      .init(iteration: 1, epoch: 1, classes: [nil]),
      .init(iteration: 2, epoch: 2, classes: [0.5, 0.7]),
      .init(iteration: 3, epoch: 3, classes: [0.6]),
      .init(iteration: 4, epoch: 4, classes: [0.1, nil]),
    ]
    #expect(history.best?.iteration == 2)
  }
}

@Suite struct DetectionReviewTests {
  @Test func theWorstErrorsAreKeptInTheirOrder() {
    var review = DetectionReview(labels: ["a", "b"], errorCount: 2)
    for (index, side) in [Float(10), 30, 20, 40].enumerated() {
      review.add(
        name: "\(index)", image: grey,
        detections: [
          ScoredBox(box: box(100, 50, 20, 20), classID: 1, score: side / 50),
          ScoredBox(box: box(5, 5, side, side), classID: 0, score: 0.3),
        ],
        groundTruth: [GroundTruthObject(box: box(5, 5, side, side), classID: 0)])
    }
    // All four were too unsure: the two largest stay, each with what was said of it.
    #expect(review.misses.map(\.name) == ["3", "1"])
    #expect(review.misses.map(\.words).allSatisfy { $0 == "a, at best a with 0.30" })
    // 0.2 and 0.4 are below the threshold.
    #expect(review.falseAlarms.map(\.name) == ["3", "1"])
    #expect(review.falseAlarms[0].words == "b with 0.80, but nothing is marked there")
    #expect(review.pictureCount == 4)
  }

  @Test func aWrongNameIsAFalseAlarmAndADifficultObjectIsNothing() {
    var review = DetectionReview(labels: ["a", "b"])
    review.add(
      name: "x", image: grey,
      detections: [
        ScoredBox(box: box(10, 10, 20, 20), classID: 1, score: 0.9),
        ScoredBox(box: box(60, 10, 20, 20), classID: 1, score: 0.9),
      ],
      groundTruth: [
        GroundTruthObject(box: box(10, 10, 20, 20), classID: 0),
        GroundTruthObject(box: box(60, 10, 20, 20), classID: 0, isDifficult: true),
        GroundTruthObject(box: box(110, 10, 20, 20), classID: 0, isDifficult: true),
      ])
    #expect(review.falseAlarms.map(\.words) == ["b with 0.90, but it is a"])
    #expect(review.misses.isEmpty)
    #expect(review.confusion.counts == [[0, 1, 0], [0, 0, 0], [0, 0, 0]])
  }
}

@Suite struct DrawingPartTests {
  @Test(arguments: [
    (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
    (0.0, 23.0, [0, 5, 10, 15, 20, 25], ["0", "5", "10", "15", "20", "25"]),
    (0.0, 0.00011, [0, 5e-5, 1e-4, 1.5e-4], ["0", "5e-5", "1e-4", "1.5e-4"]),
    (3.0, 3.0, [3, 4, 5, 6], ["3", "4", "5", "6"]),
  ])
  func marksAreRoundNumbers(low: Double, high: Double, ticks: [Double], texts: [String]) {
    let scale = AxisScale(low...high)
    #expect(scale.ticks.count == ticks.count, "\(scale.ticks)")
    for (mark, expected) in zip(scale.ticks, ticks) { #expect(abs(mark - expected) < 1e-9) }
    #expect(scale.ticks.map(scale.text) == texts)
    #expect(scale.domain.lowerBound <= low && scale.domain.upperBound >= high)
  }

  @Test func pointsLieWhereTheAxesSay() throws {
    let chart = LineChart(
      series: [.init(name: "s", colour: "red", points: [(0, 0), (10, 1), (5, .nan)])], xTitle: "x",
      yTitle: "y")
    // The plot reaches from 66 to 986 and from 12 down to 286.
    #expect(chart.html.contains("d=\"M66 286L986 12\""))
    #expect(!chart.html.contains("nan") && !chart.html.contains("NaN"))
  }

  @Test func aPartIsReducedByAveraging() {
    var pixels: [UInt8] = []
    for y in 0..<4 {
      for x in 0..<8 { pixels += [UInt8(x * 10), UInt8(y * 10), 7] }
    }
    let part = Image(width: 8, height: 4, pixels: pixels)
      .reduced(columns: 0..<8, rows: 0..<4, longestSide: 4)
    #expect(part.width == 4 && part.height == 2)
    // Columns 2 and 3 of rows 0 and 1: (20 + 30) / 2 and (0 + 10) / 2.
    #expect(Array(part.pixels[3..<6]) == [25, 5, 7])
  }

  @Test func textCannotBecomeMarkup() {
    #expect("<a href='x'>&\"\u{1}".escaped == "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u{FFFD}")
  }
}
