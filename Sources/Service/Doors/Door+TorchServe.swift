internal import FasterRCNN
internal import HTTP1
internal import HTTPServer
internal import JSON

extension Door {
  /// TorchServe's inference address, with the rows of its handler `object_detector`.
  ///
  /// Sources: pytorch/serve, `docs/inference_api.md`, `ts/torch_handler/object_detector.py`. A row is
  /// `{LABEL: [left, upper, right, lower], "score": S}`; the handler leaves out what scores below 0.5.
  static let torchServe = Door(
    paths: [
      Path(
        pattern: "/predictions/{model}", methods: [.post, .put],
        answer: .detection(torchServeDetection)),
      Path(
        pattern: "/predictions/{model}/{version}", methods: [.post, .put],
        answer: .detection(torchServeDetection)),
      Path(pattern: "/ping", methods: [.get], answer: .health { .status("Healthy") }),
    ])

  private static let torchServeDetection = Detection(
    defaults: [NamedValue(name: "score_threshold", value: "0.5")],
    read: { (question) throws(Problem) in
      RequestBody(items: [try question.pictures().items[0]])
    },
    write: { reply in
      let finding = reply.findings[0]
      return try .json { json in
        json.beginArray()
        for object in finding.result.objects {
          json.object { json in
            json.key(reply.model.labels.name(ofClass: object.classID))
            json.box(object.box)
            json.member("score", object.score)
          }
        }
        json.endArray()
      }
    })
}
