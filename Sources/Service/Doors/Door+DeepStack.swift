internal import Detection
internal import FasterRCNN
internal import HTTPServer
internal import JSON
internal import Observability

extension Door {
  /// DeepStack and CodeProject.AI, as home automation and cameras' software speak to them.
  ///
  /// Sources: docs.deepstack.cc, "Object Detection" and "Custom models"; codeproject.com/ai/docs/api, "Object
  /// Detection". Edges are whole pixels; fields that are not known are passed over, because cameras'
  /// software sends keys and options of its own.
  static let deepStack = Door(
    paths: [
      Path(
        pattern: "/v1/vision/detection", methods: [.post], answer: .detection(deepStackDetection)),
      Path(
        pattern: "/v1/vision/custom/{model}", methods: [.post],
        answer: .detection(deepStackDetection)),
    ])

  /// What is found of less confidence is left out unless a request says otherwise, as DeepStack's
  /// documents have it.
  private static let deepStackDetection = Detection(
    defaults: [NamedValue(name: "min_confidence", value: "0.45")],
    read: { (question) throws(Problem) in
      let (items, fields) = try question.pictures()
      return RequestBody(
        items: [items[0]], parameters: fields.filter { $0.name == "min_confidence" })
    },
    write: { reply in
      let finding = reply.findings[0]
      let milliseconds = reply.elapsed.wholeMilliseconds
      return try .json { json in
        json.object { json in
          json.member("success", true)
          json.member("code", 200)
          json.member("count", finding.result.objects.count)
          json.key("predictions")
          json.beginArray()
          for object in finding.result.objects {
            json.object { json in
              json.member("label", reply.model.labels.name(ofClass: object.classID))
              json.member("confidence", object.score)
              json.member("x_min", Int(object.box.xMin.rounded()))
              json.member("y_min", Int(object.box.yMin.rounded()))
              json.member("x_max", Int(object.box.xMax.rounded()))
              json.member("y_max", Int(object.box.yMax.rounded()))
            }
          }
          json.endArray()
          json.member("duration", milliseconds)
          json.member("inferenceMs", milliseconds)
        }
      }
    })
}
