internal import Detection
internal import Networks

/// A family of checkpoints: how it is recognised, and all that tensors do not say.
///
/// A family is one value in one file, which the program knows by way of `all` alone. Families that took
/// over another's layout share what stands in that one's file. To add one, write its file and put it into
/// `all`; docs/extending.md says what else there is to do.
public struct Family: Sendable {
  /// The name that a user gives, as `simple-faster-rcnn`.
  public let name: String

  /// Whose code trains it, as `chenyuntc/simple-faster-rcnn-pytorch`.
  public let project: String

  /// What it is, for lists, as `VGG16, torchvision's preprocessing`.
  public let summary: String

  /// What shows that a file is of this family and of no other.
  let proof: Proof

  /// What shows that a file may be of this family, though another names its tensors alike.
  let likeness: Likeness?

  /// The file's names and the canonical ones.
  let names: NameMap

  /// What follows from the family, and from the shapes in a file.
  let conventions: @Sendable (Evidence) throws(FamilyError) -> Conventions

  /// What the file says of itself in the family's own way.
  let card: @Sendable (Evidence) throws(FamilyError) -> ModelCard

  /// The family's own names for settings.
  let arguments: Arguments?

  /// Parts of its files that do nothing for boxes: how their names begin, and what they are.
  let leftOut: [(prefix: String, what: String)]

  /// Names of classes that models of the family have where a file has none, told by their number.
  let labelSets: [[String]]

  init(
    name: String, project: String, summary: String, proof: Proof, likeness: Likeness? = nil,
    names: NameMap, arguments: Arguments? = nil, leftOut: [(prefix: String, what: String)] = [],
    labelSets: [[String]] = [],
    card: @escaping @Sendable (Evidence) throws(FamilyError) -> ModelCard = {
      (_) throws(FamilyError) in ModelCard()
    },
    conventions: @escaping @Sendable (Evidence) throws(FamilyError) -> Conventions
  ) {
    self.name = name
    self.project = project
    self.summary = summary
    self.proof = proof
    self.likeness = likeness
    self.names = names
    self.arguments = arguments
    self.leftOut = leftOut
    self.labelSets = labelSets
    self.card = card
    self.conventions = conventions
  }

  /// What a family does where nobody says otherwise.
  struct Conventions: Sendable {
    var architecture: Architecture
    var picture: PictureRule
    var detection: DetectionProfile
    /// What neither the file nor the family settles, and why it was taken so, by key.
    var assumptions: [ModelCard.Key: String] = [:]
  }

  /// Files that two families could have written.
  struct Likeness: Sendable {
    /// What such a file has.
    var proof: Proof
    /// Why the file is taken for one of this family, as a clause with what it is.
    var reason: @Sendable (Evidence) -> String
  }

  /// Settings under the names that the family's own code has for them.
  struct Arguments: Sendable {
    /// The member of the settings that holds them, as `torchvision`.
    var group: String
    /// What they mean.
    var card: @Sendable (ConfigValue) throws(CardError) -> ModelCard
  }

  /// The families, in the order in which they are listed to a user and tried.
  public static let all: [Family] = [
    torchvisionFPN, torchvisionMobileNetFPN, torchvisionMobileNet320FPN, torchvisionMobileNetV2,
    torchvisionMobileNetV3, torchvisionVGG, torchvisionResNet, detectron2FPN, detectron2C4,
    detectron2DC5, mmdetectionFPN, jwyangVGG, jwyangResNet, pyFasterRCNN, pyFasterRCNNZF,
    simpleFasterRCNN, simpleFasterRCNNCaffe, chainerCV, bubbliiiingVGG, bubbliiiingResNet50,
  ]

  /// The family whose names and ways a network of random weights is given.
  public static let ofRandomWeights = simpleFasterRCNN

  /// The family of a name; `nil` where there is none.
  public static func named(_ name: String) -> Family? { all.first { $0.name == name } }

  /// The name that the family's code has for a tensor or a layer of a canonical name.
  public func fileName(ofTensor canonical: String) -> String {
    names.original(canonical) ?? canonical
  }

  /// The names of so many classes where a file has none; `nil` where the family knows none.
  public func labels(count: Int) -> [String]? { labelSets.first { $0.count == count } }

  /// The names of the members that hold a family's own settings.
  static let argumentGroups = Set(all.compactMap(\.arguments?.group))
}
