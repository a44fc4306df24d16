public import Datasets
internal import Tensors

/// A part of a set that is not trained on, to see how well what was learnt holds for other pictures.
///
/// The choice depends on the pictures' paths and the seed alone: a picture that is added to the set moves no
/// other one from one part to the other, but for the last place.
public enum HeldBackShare {
  /// Divides pictures.
  ///
  /// - Parameters:
  ///   - pictures: the pictures.
  ///   - share: the part to hold back, from 0 to 1; at least one picture of two or more, unless it is 0.
  ///   - seed: another seed, another choice.
  /// - Returns: both parts in the order of the list.
  public static func divide(
    _ pictures: [AnnotatedPicture], share: Double, seed: UInt64
  ) -> (training: [AnnotatedPicture], heldBack: [AnnotatedPicture]) {
    precondition((0...1).contains(share), "a share of \(share)")
    guard share > 0, pictures.count > 1 else { return (pictures, []) }
    let wanted = Int((Double(pictures.count) * share).rounded())
    let count = min(max(wanted, 1), pictures.count - 1)
    let keys = pictures.map { SplitMix64.mixed($0.path.utf8.fnv1a ^ SplitMix64.mixed(seed)) }
    let order = pictures.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
    let chosen = Set(order.prefix(count))
    return (
      pictures.indices.filter { !chosen.contains($0) }.map { pictures[$0] },
      pictures.indices.filter(chosen.contains).map { pictures[$0] }
    )
  }
}

extension String.UTF8View {
  /// FNV-1a, 64 bits.
  fileprivate var fnv1a: UInt64 {
    reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  }
}
