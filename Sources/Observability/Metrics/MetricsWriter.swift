/// Writes figures as text, in either of two formats that differ in little.
///
/// A counter's name ends in `_total` in each line of Prometheus' format; OpenMetrics takes the ending off
/// where the family is described. The same holds for `_info`, which Prometheus' format knows as a gauge.
public struct MetricsWriter: Sendable {
  /// What a family of figures is.
  public enum Kind: String, Sendable {
    /// A sum that only grows; its name ends in `_total`.
    case counter
    /// A figure of now.
    case gauge
    /// Observations sorted into buckets.
    case histogram
    /// The constant 1, whose labels are what is told; its name ends in `_info`.
    case info
  }

  /// A label's name and value.
  public typealias Label = (name: String, value: String)

  private let format: MetricsFormat
  private var text = ""

  /// Makes a writer.
  public init(_ format: MetricsFormat) {
    self.format = format
    // A server with ten routes in use comes to some 30 KB.
    text.reserveCapacity(32 << 10)
  }

  /// The text, complete.
  public consuming func finish() -> [UInt8] {
    if format == .openMetrics { text += "# EOF\n" }
    return Array(text.utf8)
  }

  /// Describes a family; its samples have to follow.
  ///
  /// - Parameters:
  ///   - name: the name, with the ending that belongs to its kind.
  ///   - kind: what it is.
  ///   - help: what it tells, in one line.
  ///   - unit: the unit that the name ends in before `_total`, where it does.
  public mutating func family(_ name: String, _ kind: Kind, _ help: String, unit: String? = nil) {
    var (described, type) = (name, kind.rawValue)
    switch (format, kind) {
    case (.openMetrics, .counter): described.removeLast("_total".count)
    case (.openMetrics, .info): described.removeLast("_info".count)
    case (.prometheus, .info): type = Kind.gauge.rawValue
    case (.openMetrics, _), (.prometheus, _): break
    }
    text += "# HELP \(described) \(help)\n# TYPE \(described) \(type)\n"
    if format == .openMetrics, let unit { text += "# UNIT \(described) \(unit)\n" }
  }

  /// Writes a sample that is a whole number.
  public mutating func sample(_ name: String, _ value: Int, _ labels: [Label] = []) {
    line(name, labels, value.description)
  }

  /// Writes a sample that is any number.
  public mutating func sample(_ name: String, _ value: Double, _ labels: [Label] = []) {
    line(name, labels, Self.number(value))
  }

  /// Writes a family that is one figure.
  public mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: Int) {
    family(name, kind, help)
    sample(name, value)
  }

  /// Writes a whole family of counters.
  public mutating func counters(
    _ name: String, _ help: String, labels: [String], _ family: CounterFamily
  ) {
    self.family(name, .counter, help)
    for (key, count) in family.snapshot {
      let values = [key.first, key.second]
      sample(name, count, zip(labels, values).map { (name: $0, value: $1) })
    }
  }

  /// Writes a whole family of histograms.
  ///
  /// The label's name is `nil` where the family has one histogram without a label.
  public mutating func histograms(
    _ name: String, _ help: String, unit: String? = nil, label: String? = nil,
    _ family: HistogramFamily
  ) {
    self.family(name, .histogram, help, unit: unit)
    for (value, histogram) in family.snapshot {
      let labels: [Label] = label.map { [(name: $0, value: value)] } ?? []
      var cumulated = 0
      for (index, count) in histogram.counts.enumerated() {
        cumulated += count
        let bound = index < family.bounds.count ? Self.number(family.bounds[index]) : "+Inf"
        sample(name + "_bucket", cumulated, labels + [(name: "le", value: bound)])
      }
      sample(name + "_sum", histogram.sum, labels)
      sample(name + "_count", cumulated, labels)
    }
  }

  private mutating func line(_ name: String, _ labels: [Label], _ value: String) {
    text += name
    if !labels.isEmpty {
      text += "{"
      for (index, label) in labels.enumerated() {
        text += index == 0 ? "" : ","
        text += label.name
        text += "=\""
        escape(label.value)
        text += "\""
      }
      text += "}"
    }
    text += " "
    text += value
    text += "\n"
  }

  /// A label's value may hold anything but a bare backslash, quotation mark or line feed.
  private mutating func escape(_ value: String) {
    for character in value.unicodeScalars {
      switch character {
      case "\\": text += "\\\\"
      case "\"": text += "\\\""
      case "\n": text += "\\n"
      default: text.unicodeScalars.append(character)
      }
    }
  }

  /// The shortest decimal that reads back as the same number.
  ///
  /// OpenMetrics wants a bucket's bound to
  /// be written as `1.0`, which this is.
  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    return value.isInfinite ? (value < 0 ? "-Inf" : "+Inf") : value.description
  }
}
