internal import FoundationEssentials
internal import JSON
internal import Observability

/// What has been worked on since the start, as the protocol's statistics extension counts it.
///
/// Source: triton-inference-server, `docs/protocol/extension_statistics.md`. Every request that had a
/// lane counts, whichever route it came by.
struct InferenceStatistics: Sendable {
  /// How often something was done, and how long it took in all.
  struct Total: Sendable {
    var count = 0
    var time = Duration.zero

    mutating func add(_ duration: Duration, count: Int = 1) {
      self.count += count
      time += duration
    }
  }

  /// Pictures and feature maps.
  private(set) var inferenceCount = 0
  private(set) var lastInference: Date?
  private(set) var success = Total()
  private(set) var fail = Total()
  private(set) var queue = Total()
  private(set) var input = Total()
  private(set) var infer = Total()
  private(set) var output = Total()

  /// Counts a request that was answered.
  mutating func recordSuccess(_ answer: WorkAnswer) {
    inferenceCount += answer.count
    lastInference = Date()
    var parts: [String: Duration] = [:]
    for stage in answer.timings.stages { parts[stage.name, default: .zero] += stage.duration }
    func sum(_ names: String...) -> Duration {
      names.reduce(.zero) { $0 + (parts[$1] ?? .zero) }
    }
    success.add(sum("total"))
    queue.add(sum("queue"))
    input.add(sum("decode", "resize"))
    infer.add(sum("plan", "backbone", "rpn", "proposals", "roi_pooling", "head"))
    output.add(sum("postprocess", "encode"))
  }

  /// Counts a request that could not be answered.
  mutating func recordFailure(_ duration: Duration) { fail.add(duration) }

  /// Writes the model's object.
  func write(to json: inout JSONWriter, name: String, version: String) {
    json.beginObject()
    json.member("name", name)
    json.member("version", version)
    json.member("last_inference", lastInference.map { Int($0.timeIntervalSince1970 * 1000) } ?? 0)
    json.member("inference_count", inferenceCount)
    json.member("execution_count", inferenceCount)
    json.key("inference_stats")
    json.beginObject()
    for (name, total) in [
      ("success", success), ("fail", fail), ("queue", queue), ("compute_input", input),
      ("compute_infer", infer), ("compute_output", output), ("cache_hit", Total()),
      ("cache_miss", Total()),
    ] {
      json.key(name)
      json.beginObject()
      json.member("count", total.count)
      json.member("ns", total.time.wholeNanoseconds)
      json.endObject()
    }
    json.endObject()
    for name in ["batch_stats", "memory_usage"] {
      json.key(name)
      json.beginArray()
      json.endArray()
    }
    json.key("response_stats")
    json.beginObject()
    json.endObject()
    json.endObject()
  }
}

extension Duration {
  /// The time in nanoseconds, as far as an integer reaches.
  fileprivate var wholeNanoseconds: Int {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max : Int(product) + Int(attoseconds / 1_000_000_000)
  }
}
