internal import FasterRCNN
internal import HTTP1
internal import HTTPServer
internal import JSON
internal import Tensors

extension Door {
  /// KServe's protocol, version 1.
  ///
  /// Source: kserve.github.io, "V1 Inference Protocol": `instances` in, `predictions` out, in their order.
  static let kServe = Door(
    paths: [
      Path(
        pattern: "/v1/models/{model}:predict", methods: [.post], answer: .detection(instances)),
      Path(
        pattern: "/v1/models/{model}", methods: [.get],
        answer: .model { model in
          .document { json in
            json.member("name", model.name)
            json.member("ready", true)
          }
        }),
    ])

  /// `{"instances": [...]}` answered by `{"predictions": [...]}`: for each picture its size, boxes as
  /// left, upper, right and lower edge in pixels, scores, and classes by number and name.
  static let instances = Detection(
    read: { (question) throws(Problem) in try question.instances() },
    write: { reply in
      try .json { json in
        json.object { json in
          json.key("predictions")
          json.beginArray()
          for finding in reply.findings { json.prediction(finding, labels: reply.model.labels) }
          json.endArray()
          json.member("model_name", reply.model.name)
        }
      }
    })
}

extension JSONWriter {
  /// Writes what was found in one picture as lists that belong together.
  fileprivate mutating func prediction(_ finding: Finding, labels: [String]) {
    let objects = finding.result.objects
    object { json in
      json.member("width", finding.result.imageSize.width)
      json.member("height", finding.result.imageSize.height)
      json.key("boxes")
      json.beginArray()
      for object in objects { json.box(object.box) }
      json.endArray()
      json.key("scores")
      json.beginArray()
      for object in objects { json.number(object.score) }
      json.endArray()
      json.member("class_ids", objects.map(\.classID))
      json.member("labels", objects.map { labels.name(ofClass: $0.classID) })
    }
  }
}
