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
  }

  /// Pictures and feature maps.
  private(set) var inferenceCount = 0
  private(set) var lastInference: WallTime?
  private(set) var success = Total()
  private(set) var fail = Total()
  private(set) var queue = Total()
  private(set) var input = Total()
  private(set) var infer = Total()
  private(set) var output = Total()

  /// Counts a request that was answered.
  mutating func recordSuccess(_ answer: WorkAnswer) {
    inferenceCount += answer.count
    lastInference = .now
    for part in [\Self.success, \.queue, \.input, \.infer, \.output] {
      self[keyPath: part].count += 1
    }
    for (stage, duration) in answer.timings.stages {
      switch stage {
      case .total: success.time += duration
      case .queue: queue.time += duration
      case .decode, .resize: input.time += duration
      case .plan, .backbone, .rpn, .proposals, .roiPooling, .head: infer.time += duration
      case .postprocess, .encode: output.time += duration
      }
    }
  }

  /// Counts a request that could not be answered.
  mutating func recordFailure(_ duration: Duration) {
    fail.count += 1
    fail.time += duration
  }

  /// Writes the model's object.
  func write(to json: inout JSONWriter, name: String, version: String) {
    json.beginObject()
    json.member("name", name)
    json.member("version", version)
    json.member("last_inference", lastInference?.milliseconds ?? 0)
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
