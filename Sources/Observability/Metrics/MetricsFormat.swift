/// How figures are written for who collects them.
public enum MetricsFormat: String, Sendable, CaseIterable {
  /// Prometheus' text exposition format, version 0.0.4.
  case prometheus = "text/plain; version=0.0.4; charset=utf-8"

  /// OpenMetrics, version 1.0.0; the raw value of each is its media type.
  case openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
}
