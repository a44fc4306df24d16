internal import HTTPServer
internal import JSON

extension Door {
  /// Amazon SageMaker's hosting.
  ///
  /// Source: docs.aws.amazon.com/sagemaker, "Custom Inference Code with Hosting Services": `GET /ping`
  /// within two seconds, `POST /invocations` with whatever the model takes. Bodies are those of
  /// `POST /detect`, or `{"instances": [...]}`, which its clients know from other containers.
  static let sageMaker = Door(
    paths: [
      Path(
        pattern: "/ping", methods: [.get], answer: .health { HTTPResponse(status: 200) }),
      Path(pattern: "/invocations", methods: [.post], answer: .detection(invocations)),
    ])

  private static let invocations = Detection(
    read: { (question) throws(Problem) in
      let isList =
        question.type?.name == MediaType.json
        && question.body.prefix(1024).containsText("\"instances\"")
      if isList { return try question.instances() }
      return try RequestBody(question.type, question.body, limits: question.limits)
    },
    write: instances.write)
}

extension ArraySlice<UInt8> {
  /// Whether a text stands somewhere in the bytes.
  fileprivate func containsText(_ text: StaticString) -> Bool {
    !ranges(of: Array(String(describing: text).utf8)).isEmpty
  }
}
