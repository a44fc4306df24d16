/// What a caller may know of a loaded model.
public struct ModelDescription: Sendable, Equatable {
  /// The name, as `bloodcell`; the file's own, or the file's name without its extension.
  public var name: String

  /// The version that the settings state, `1` where they state none.
  public var version: String

  /// The SHA-256 of the checkpoint's bytes in lowercase hexadecimal.
  ///
  /// It waits until the sum is known: a big file's takes longer than making the model ready.
  public var sha256: String { digest.text }

  /// Whether `sha256` would return at once.
  public var isDigestKnown: Bool { digest.isKnown }

  let digest: FileDigest

  /// The profile that fixes the numeric semantics, as `simple-faster-rcnn`.
  public var profile: String

  /// The names of the classes, background left out; a detected object's `classID` indexes them.
  public var labels: [String]

  /// The score threshold that applies where a request names none.
  public var scoreThreshold: Float

  /// The threshold of non-maximum suppression in each class where a request names none.
  public var nmsThreshold: Float

  /// How many objects at most a picture has where a request names no number; `nil` for no bound.
  public var maximumDetections: Int?

  /// How many proposals at most reach the RoI head.
  public var proposalCount: Int

  /// How many feature maps there are: one, or a level each of a pyramid.
  public var featureLevelCount: Int

  /// The number of weights.
  public var parameterCount: Int

  /// What was assumed of the model because its file does not say, and why; `nil` where nothing was.
  public var assumption: String?

  /// Makes a description.
  public init(
    name: String, version: String, sha256: String, profile: String, labels: [String],
    scoreThreshold: Float, nmsThreshold: Float, maximumDetections: Int? = nil, proposalCount: Int,
    featureLevelCount: Int = 1, parameterCount: Int, assumption: String? = nil
  ) {
    self.init(
      name: name, version: version, digest: FileDigest(known: sha256), profile: profile,
      labels: labels, scoreThreshold: scoreThreshold, nmsThreshold: nmsThreshold,
      maximumDetections: maximumDetections, proposalCount: proposalCount,
      featureLevelCount: featureLevelCount, parameterCount: parameterCount,
      assumption: assumption)
  }

  init(
    name: String, version: String, digest: FileDigest, profile: String, labels: [String],
    scoreThreshold: Float, nmsThreshold: Float, maximumDetections: Int?, proposalCount: Int,
    featureLevelCount: Int, parameterCount: Int, assumption: String?
  ) {
    self.name = name
    self.version = version
    self.digest = digest
    self.profile = profile
    self.labels = labels
    self.scoreThreshold = scoreThreshold
    self.nmsThreshold = nmsThreshold
    self.maximumDetections = maximumDetections
    self.proposalCount = proposalCount
    self.featureLevelCount = featureLevelCount
    self.parameterCount = parameterCount
    self.assumption = assumption
  }
}
