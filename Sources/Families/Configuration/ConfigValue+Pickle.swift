internal import Checkpoints

extension ConfigValue {
  /// The plain values of a pickle; what is none (tensors, objects of unknown classes) is `null`.
  ///
  /// `argparse.Namespace` and its like, objects whose state is a dictionary, count as that dictionary.
  init(_ value: PickleValue) {
    switch value {
    case .boolean(let value): self = .boolean(value)
    case .integer(let value): self = .integer(value)
    case .number(let value): self = .number(value)
    case .text(let value): self = .text(value)
    case .list(let values), .tuple(let values), .set(let values):
      self = .list(values.map(ConfigValue.init))
    case .dictionary(let entries):
      self = .object(
        entries.compactMap { entry in
          entry.key.text.map { Member($0, ConfigValue(entry.value)) }
        })
    case .object(_, _, let state?): self = ConfigValue(state)
    case .none, .hugeInteger, .bytes, .tensor, .global, .object, .unreadable: self = .null
    }
  }
}
