internal import Checkpoints
internal import Tensors

/// What has to be in a file for it to be of a family.
indirect enum Proof: Sendable {
  /// A tensor of this name.
  case tensor(String)
  /// A tensor whose name begins so.
  case tensors(String)
  /// A fully connected layer has fewer outputs than another; first the narrower one's weights.
  case narrower(String, than: String)
  /// Something beside the tensors under this name.
  case attribute(String)
  /// Something beside the tensors, at the end of these names, that Python takes for true.
  case truth([String])
  /// One of these file formats.
  case format([CheckpointFormat])
  /// The weights alone were saved, and not within something else.
  case flat
  /// Each of these.
  case all([Proof])
  /// One of these at least.
  case any([Proof])
  /// The other way round.
  case not(Proof)
  /// Nothing shows it.
  static let none = Proof.any([])

  func holds(for evidence: Evidence) -> Bool {
    switch self {
    case .tensor(let name): evidence.state[name] != nil
    case .tensors(let prefix): evidence.state.names.contains { $0.hasPrefix(prefix) }
    case .narrower(let name, let other):
      if let rows = outputs(of: name, evidence), let others = outputs(of: other, evidence) {
        rows < others
      } else {
        false
      }
    case .attribute(let name): evidence.attributes[name] != nil
    case .truth(let path):
      path.first.flatMap { evidence.attributes[$0] }.map(ConfigValue.init)?[
        Array(path.dropFirst())]?.truth ?? false
    case .format(let formats): formats.contains(evidence.format)
    case .flat: evidence.isFlat
    case .all(let proofs): proofs.allSatisfy { $0.holds(for: evidence) }
    case .any(let proofs): proofs.contains { $0.holds(for: evidence) }
    case .not(let proof): !proof.holds(for: evidence)
    }
  }

  /// The rows of a matrix, before which Caffe writes axes of one.
  private func outputs(of name: String, _ evidence: Evidence) -> Int? {
    evidence.state[name].flatMap { $0.shape.rank < 2 ? nil : $0.shape[$0.shape.rank - 2] }
  }
}
