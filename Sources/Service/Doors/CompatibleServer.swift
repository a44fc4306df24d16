/// Another server whose clients may ask this one in their own words.
public enum CompatibleServer: String, Sendable, CaseIterable {
  /// DeepStack and CodeProject.AI: `/v1/vision/detection`.
  case deepStack = "deepstack"
  /// TorchServe: `/predictions/{model}`.
  case torchServe = "torchserve"
  /// KServe's protocol, version 1: `/v1/models/{model}:predict`.
  case kServe = "kserve-v1"
  /// Amazon SageMaker: `/ping` and `/invocations`.
  case sageMaker = "sagemaker"
  /// Google Vertex AI: the routes that it names.
  case vertexAI = "vertex-ai"
  /// A serverless function of CVAT.
  case cvat
  /// A machine learning backend of Label Studio.
  case labelStudio = "label-studio"
}

/// Which other servers' words are understood, and where their platforms want to be answered.
public struct Compatibility: Sendable, Hashable {
  /// The servers; none by default.
  public var servers: Set<CompatibleServer>

  /// Where Vertex AI asks how the server is.
  public var vertexHealthRoute: String

  /// Where Vertex AI sends its instances to.
  public var vertexPredictRoute: String

  /// Makes a choice.
  public init(
    servers: Set<CompatibleServer> = [], vertexHealthRoute: String = "/health",
    vertexPredictRoute: String = "/predict"
  ) {
    self.servers = servers
    self.vertexHealthRoute = vertexHealthRoute
    self.vertexPredictRoute = vertexPredictRoute
  }

  /// The doors that are open.
  var doors: [Door] {
    CompatibleServer.allCases.filter(servers.contains).map { server in
      switch server {
      case .deepStack: .deepStack
      case .torchServe: .torchServe
      case .kServe: .kServe
      case .sageMaker: .sageMaker
      case .vertexAI: .vertexAI(health: vertexHealthRoute, predict: vertexPredictRoute)
      case .cvat: .cvat
      case .labelStudio: .labelStudio
      }
    }
  }
}
