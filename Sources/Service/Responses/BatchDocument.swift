internal import FasterRCNN
internal import JSON
internal import Observability

/// What is told of several pictures: a result or a problem for each, in their order.
struct BatchDocument {
  var id: String
  var model: ModelDescription
  var outcomes: [Result<Finding, Problem>]
  var parameters: RequestParameters
  /// The times of all together.
  var timings: Timeline

  /// The document as JSON, and what it says of times.
  func json(
    since arrival: ContinuousClock.Instant
  ) throws(DetectionDocument.NonFiniteResult) -> (bytes: [UInt8], timings: Timeline) {
    let start = ContinuousClock.now
    var json = JSONWriter(reservingCapacity: 4096 + 32_768 * outcomes.count)
    json.beginObject()
    json.member("id", id)
    if parameters.sections.contains(.model) { json.model(model) }
    json.key("results")
    json.beginArray()
    for outcome in outcomes {
      json.beginObject()
      switch outcome {
      case .success(let finding):
        let document = DetectionDocument(model: model, finding: finding, parameters: parameters)
        document.writeResult(to: &json)
      case .failure(let problem): problem.writeMembers(to: &json, requestID: id)
      }
      json.endObject()
    }
    json.endArray()
    guard !json.hasNonFiniteNumber else { throw DetectionDocument.NonFiniteResult() }
    var timings = timings
    timings.addEnd(encodingSince: start, arrival: arrival)
    if parameters.sections.contains(.timings) { json.timings(timings) }
    json.endObject()
    return (json.bytes, timings)
  }
}
