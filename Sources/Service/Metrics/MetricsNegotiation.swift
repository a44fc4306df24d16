internal import HTTP1
internal import Observability

extension MetricsFormat {
  /// The format that a request prefers (RFC 9110 section 12.5.1): OpenMetrics where `Accept` names it and
  /// weighs it no less than plain text, else Prometheus' text, which everything can read.
  init(acceptedBy fields: HTTPFields) {
    var (openMetrics, text) = (0.0, 0.0)
    for range in fields.values(of: "Accept").flatMap({ $0.split(separator: ",") }) {
      var scanner = HeaderScanner(String(range))
      scanner.skipWhitespace()
      guard let type = scanner.token(), scanner.skip(UInt8(ascii: "/")),
        let subtype = scanner.token(), let parameters = scanner.parameters()
      else { continue }
      let weight = parameters.first { $0.name == "q" }.flatMap { Double($0.value) } ?? 1
      switch "\(type)/\(subtype)".lowercased() {
      case "application/openmetrics-text": openMetrics = max(openMetrics, weight)
      case "text/plain": text = max(text, weight)
      default: break
      }
    }
    self = openMetrics > 0 && openMetrics >= text ? .openMetrics : .prometheus
  }
}
