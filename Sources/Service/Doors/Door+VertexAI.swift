internal import HTTPServer

extension Door {
  /// Google Vertex AI's custom containers.
  ///
  /// Source: cloud.google.com/vertex-ai, "Custom container requirements for prediction": the routes are
  /// what `AIP_HEALTH_ROUTE` and `AIP_PREDICT_ROUTE` say, `instances` go in and `predictions` come out.
  ///
  /// - Parameters:
  ///   - health: where it is asked how the server is.
  ///   - predict: where instances are sent to.
  /// - Returns: the door.
  static func vertexAI(health: String, predict: String) -> Door {
    Door(
      paths: [
        Path(pattern: PathPattern(health), methods: [.get], answer: .health { .status("healthy") }),
        Path(pattern: PathPattern(predict), methods: [.post], answer: .detection(instances)),
      ])
  }
}
