internal import Tensors

extension Family {
  /// The family that a file is of.
  ///
  /// - Parameters:
  ///   - evidence: the file.
  ///   - requested: the name that a user or the file's settings give, if any.
  /// - Returns: the family, and what had to be assumed for it, as a clause.
  /// - Throws: `FamilyError` where the name is unknown, or no family's tensors are in the file.
  static func family(
    of evidence: Evidence, requested: String?
  ) throws(FamilyError) -> (family: Family, assumption: String?) {
    if let requested {
      guard let family = named(requested) else { throw .unknown(name: requested) }
      return (family, nil)
    }
    // What looks like a family that is run here and is not goes first.
    if let stranger = Stranger.all.first(where: { $0.proof.holds(for: evidence) }) {
      throw .stranger(what: stranger.what, remedy: stranger.remedy)
    }
    if let family = all.first(where: { $0.proof.holds(for: evidence) }) { return (family, nil) }
    let alike = all.first { $0.likeness?.proof.holds(for: evidence) ?? false }
    guard let family = alike, let likeness = family.likeness else {
      throw .unrecognised(
        names: Array(evidence.state.names.prefix(3)), count: evidence.state.count)
    }
    return (
      family,
      "profile \(family.name), because \(likeness.reason(evidence)); give --profile to choose"
    )
  }
}
