import Foundation
import Testing

@testable import Observability

/// Counting, sorting into buckets, and the two formats.
@Suite struct MetricsTests {
  private func text(_ format: MetricsFormat, _ write: (inout MetricsWriter) -> Void) -> String {
    var writer = MetricsWriter(format)
    write(&writer)
    return String(decoding: writer.finish(), as: UTF8.self)
  }

  @Test func aCounterIsWrittenWithItsLabels() {
    let family = CounterFamily(known: [CounterFamily.Key("/detect", "200")])
    family.count("/detect", "200")
    family.count("a\"b\\c\nd", "404")
    let write = { (writer: inout MetricsWriter) in
      writer.counters("x_total", "Some words.", labels: ["route", "code"], family)
    }
    let samples = """
      x_total{route="/detect",code="200"} 1
      x_total{route="a\\"b\\\\c\\nd",code="404"} 1

      """
    #expect(
      text(.prometheus, write) == "# HELP x_total Some words.\n# TYPE x_total counter\n" + samples)
    #expect(
      text(.openMetrics, write)
        == "# HELP x Some words.\n# TYPE x counter\n" + samples + "# EOF\n")
  }

  @Test func whatIsKnownBeforehandStandsAtZero() {
    let family = CounterFamily(known: [CounterFamily.Key("a"), CounterFamily.Key("b")])
    family.count("b")
    #expect(family.snapshot.map(\.count) == [0, 1])
  }

  @Test func aBoundBelongsToItsBucket() {
    let family = HistogramFamily(bounds: [1, 2.5])
    for value in [0.5, 1, 2.5, 2.6] { family.observe(value) }
    let lines = text(.openMetrics) {
      $0.histograms("x_seconds", "Words.", unit: "seconds", family)
    }
    #expect(
      lines == """
        # HELP x_seconds Words.
        # TYPE x_seconds histogram
        # UNIT x_seconds seconds
        x_seconds_bucket{le="1.0"} 2
        x_seconds_bucket{le="2.5"} 3
        x_seconds_bucket{le="+Inf"} 4
        x_seconds_sum 6.6
        x_seconds_count 4
        # EOF

        """)
  }

  @Test func aLabelThatIsNewGetsItsHistogram() {
    let family = HistogramFamily(bounds: [1], known: ["a"])
    family.observe(.milliseconds(250), "b")
    let snapshot = family.snapshot
    #expect(snapshot.map(\.label) == ["a", "b"])
    #expect(snapshot[0].histogram.count == 0 && snapshot[1].histogram.counts == [1, 0])
    #expect(snapshot[1].histogram.sum == 0.25)
  }

  @Test func infoIsAGaugeWherePrometheusReads() {
    let write = { (writer: inout MetricsWriter) in
      writer.family("x_info", .info, "Words.")
      writer.sample("x_info", 1, [(name: "name", value: "é")])
    }
    #expect(text(.prometheus, write).contains("# TYPE x_info gauge\nx_info{name=\"é\"} 1\n"))
    #expect(text(.openMetrics, write).contains("# TYPE x info\nx_info{name=\"é\"} 1\n"))
  }

  @Test func countsFromManyThreadsAreAllThere() async {
    let (family, histograms) = (CounterFamily(), HistogramFamily(bounds: [0.5], known: []))
    await withTaskGroup { group in
      for task in 0..<8 {
        group.addTask {
          for _ in 0..<1000 {
            family.count("a", String(task % 2))
            histograms.observe(1, "x")
          }
        }
      }
    }
    #expect(family.snapshot.map(\.count) == [4000, 4000])
    #expect(histograms.snapshot.first?.histogram.counts == [0, 8000])
  }

  @Test func boundsAscend() {
    for bounds in [MetricBuckets.seconds, MetricBuckets.stageSeconds, MetricBuckets.counts] {
      #expect(bounds == bounds.sorted() && Set(bounds).count == bounds.count)
    }
  }

  @Test func theProcessIsReadAsTheKernelWritesIt() throws {
    // The program's name has a space and a bracket in it.
    let stat = """
      4711 (frc) nn) S 1 4711 4711 0 -1 4194560 2310 0 3 0 250 50 0 0 20 0 9 0 12345 268435456 2048 \
      18446744073709551615 1 1 0 0 0 0 0 4096 17410 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0
      """
    let figures = try #require(ProcessFigures(stat: stat, bootSeconds: 1000))
    #expect(figures.cpuSeconds == 3)
    #expect(figures.threads == 9)
    #expect(figures.startSeconds == 1123.45)
    #expect(figures.virtualBytes == 268_435_456)
    #expect(figures.residentBytes == 2048 * 4096)
    #expect(ProcessFigures(stat: "1 (x) S 1", bootSeconds: 0) == nil)
    #expect(ProcessFigures(stat: "", bootSeconds: 0) == nil)
  }

  @Test func thisProcessHasFigures() throws {
    let figures = try #require(ProcessFigures())
    #expect(figures.openDescriptors >= 3 && figures.openDescriptors <= figures.maximumDescriptors)
    #expect(figures.residentBytes > 1 << 20 && figures.threads >= 1)
    #expect(abs(figures.startSeconds - Date().timeIntervalSince1970) < 86_400)
    // It does not move from one reading to the next.
    #expect(ProcessFigures()?.startSeconds == figures.startSeconds)
  }
}
