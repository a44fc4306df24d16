internal import Detection
internal import FasterRCNN
internal import HTTP1
internal import HTTPServer
internal import JSON
internal import Tensors

extension Door {
  /// A machine learning backend of Label Studio.
  ///
  /// Source: HumanSignal/label-studio-ml-backend, `label_studio_ml/api.py`; labelstud.io, "Units for image
  /// annotations": coordinates are percents of the picture. Pictures come within the task, as data
  /// URIs, or by links to hosts that the operator has named.
  static let labelStudio = Door(
    paths: [
      Path(
        pattern: "/predict", methods: [.post],
        answer: .detection(
          Detection(
            read: { (question) throws(Problem) in
              try question.json { (reader) throws(JSONError) in try reader.labelStudioTasks() }
            },
            write: { reply in try labelStudioResults(reply) }))),
      Path(
        pattern: "/setup", methods: [.post],
        answer: .model { model in
          .document { $0.member("model_version", model.backend.model.version) }
        }),
      Path(
        pattern: "/health", methods: [.get],
        answer: .health {
          .document { json in
            json.member("status", "UP")
            json.member("model_class", "frcnn")
          }
        }),
    ])

  private static func labelStudioResults(_ reply: Reply) throws -> HTTPResponse {
    try .json { json in
      json.object { json in
        json.key("results")
        json.beginArray()
        for finding in reply.findings { json.labelStudioResult(finding, model: reply.model) }
        json.endArray()
        json.member("model_version", reply.model.version)
      }
    }
  }
}

extension JSONReader {
  /// Reads the tasks' pictures; the names that results refer to are those of Label Studio's own template.
  fileprivate mutating func labelStudioTasks() throws(JSONError) -> RequestBody {
    var body = RequestBody(items: [])
    try object { (name, reader) throws(JSONError) in
      guard name == "tasks" else { return try reader.skip() }
      try reader.array { (index, reader) throws(JSONError) in
        guard index < RequestBody.maximumItems else {
          throw reader.failure("there are more than \(RequestBody.maximumItems) tasks")
        }
        let (picture, link) = try reader.labelStudioTask()
        body.links[index] = link
        body.items.append(picture)
      }
    }
    guard !body.items.isEmpty else { throw failure("there is no task") }
    return body
  }

  /// Reads a task: its picture, or what stands for it until the link is followed.
  private mutating func labelStudioTask() throws(JSONError) -> (picture: BodyItem, link: String?) {
    var picture: BodyItem?
    var link: String?
    try object { (name, reader) throws(JSONError) in
      guard name == "data" else { return try reader.skip() }
      try reader.object { (_, reader) throws(JSONError) in
        guard picture == nil, try reader.kind() == .string else { return try reader.skip() }
        let content = try reader.stringContent()
        if reader.begins(content, with: "data:") {
          picture = .decodedPicture(try reader.decodeBase64(in: content))
        } else if link == nil,
          reader.begins(content, with: "https://") || reader.begins(content, with: "http://")
        {
          link = try reader.text(in: content)
        }
      }
    }
    if picture == nil, let link { return (RequestBody.notFetched, link) }
    guard let picture, !picture.isEmpty else {
      throw failure("the task's data has no picture: a data URI, or a link that begins with http")
    }
    return (picture, nil)
  }
}

extension JSONWriter {
  /// Writes the result of one task.
  fileprivate mutating func labelStudioResult(_ finding: Finding, model: ModelDescription) {
    let (size, objects) = (finding.result.imageSize, finding.result.objects)
    let (width, height) = (Float(size.width), Float(size.height))
    object { json in
      json.key("result")
      json.beginArray()
      for object in objects {
        json.object { json in
          json.member("from_name", "label")
          json.member("to_name", "image")
          json.member("type", "rectanglelabels")
          json.member("original_width", size.width)
          json.member("original_height", size.height)
          json.member("image_rotation", 0)
          json.member("score", object.score)
          json.object("value") { json in
            json.member("x", 100 * object.box.xMin / width)
            json.member("y", 100 * object.box.yMin / height)
            json.member("width", 100 * (object.box.xMax - object.box.xMin) / width)
            json.member("height", 100 * (object.box.yMax - object.box.yMin) / height)
            json.member("rotation", 0)
            json.member("rectanglelabels", [model.labels.name(ofClass: object.classID)])
          }
        }
      }
      json.endArray()
      json.member("score", objects.map(\.score).reduce(0, max))
      json.member("model_version", model.version)
    }
  }
}
