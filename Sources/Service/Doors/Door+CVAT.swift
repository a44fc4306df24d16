internal import FasterRCNN
internal import HTTPServer
internal import JSON

extension Door {
  /// A serverless function of CVAT, which nuclio's functions are asked for at the root.
  ///
  /// Source: opencv/cvat, `serverless/pytorch/.../main.py` and `cvat/apps/lambda_manager/views.py`: in comes
  /// `{"image": base64, "threshold": T}`, out go shapes with their points. Confidence is text there.
  static let cvat = Door(
    paths: [
      Path(
        pattern: "/", methods: [.post],
        answer: .detection(
          Detection(
            read: { (question) throws(Problem) in
              try question.json { (reader) throws(JSONError) in try reader.cvatRequest() }
            },
            write: { reply in
              let finding = reply.findings[0]
              return try .json { json in
                json.beginArray()
                for object in finding.result.objects {
                  json.object { json in
                    json.member("confidence", object.score.description)
                    json.member("label", reply.model.labels.name(ofClass: object.classID))
                    json.key("points")
                    json.box(object.box)
                    json.member("type", "rectangle")
                  }
                }
                json.endArray()
              }
            })))
    ])
}

extension JSONReader {
  /// Reads what CVAT sends; what it says of labels and of itself is passed over.
  fileprivate mutating func cvatRequest() throws(JSONError) -> RequestBody {
    var body = RequestBody(items: [])
    try object { (name, reader) throws(JSONError) in
      switch name {
      case "image": body.items = [.decodedPicture(try reader.base64())]
      case "threshold" where !reader.takeNull():
        body.parameters = [NamedValue(name: "score_threshold", value: try reader.parameterText())]
      case "threshold": break
      default: try reader.skip()
      }
    }
    guard let item = body.items.first, !item.isEmpty else {
      throw failure("'image' is missing: the picture as base64")
    }
    return body
  }
}
