internal import Checkpoints
internal import Families
internal import JSON
internal import Tensors

extension Blueprint {
  /// The names of the classes: as stated, else as the family knows them by their number, else numbers.
  ///
  /// What a training script left in the file counts where it fits: it may list the classes of a data
  /// set of which the model knows fewer.
  func labels(count: Int) -> [String] {
    if let labels = card.labels, labels.count == count || origins[.labels] != .file {
      return labels
    }
    return family.labels(count: count) ?? (1...max(count, 1)).map { "class \($0)" }
  }

  /// Refuses weights that are whole numbers, which quantised ones are, and values that are not finite:
  /// ReLU would make zeros of them, and the boxes would look plausible.
  func checkValues() throws(ModelError) {
    for name in state.names {
      guard let tensor = state[name] else { continue }
      guard tensor.elementType.isFloatingPoint else {
        throw .mismatch(
          "tensor \"\(originalName(name))\" holds \(tensor.elementType.rawValue), which are no "
            + "weights; save the model as float32, or as it was before it was quantised")
      }
      guard let value = tensor.firstValueThatIsNotFinite else { continue }
      throw .mismatch(
        "tensor \"\(originalName(name))\" holds \(value); weights have to be finite numbers: the "
          + "training diverged, or the file is broken")
    }
  }

  /// All settings that apply, in the order of the table; those that are no numbers of a family
  /// (the model's name, its classes, its ranges) are told elsewhere.
  var settingEntries: [ModelInspection.SettingEntry] {
    let told: Set<ModelCard.Key> = [.name, .version, .description, .labels, .int8InputRanges]
    return ModelCard.Key.allCases.compactMap { key in
      guard !told.contains(key), let value = card[key] else { return nil }
      var json = JSONWriter()
      value.write(to: &json)
      return ModelInspection.SettingEntry(
        name: key.rawValue, value: String(decoding: json.bytes, as: UTF8.self),
        origin: (origins[key] ?? .family).words)
    }
  }

  /// What was passed over in the file.
  func remarks(_ checkpoint: Checkpoint, unused: [String]) -> [String] {
    var remarks = checkpoint.remarks
    if !leftOut.isEmpty {
      remarks.append("\(leftOut.joined(separator: " and ")) is left out: only boxes are computed")
    }
    let names = unknownNames + unused.map(originalName) + checkpoint.leftOut
    if let first = names.first {
      remarks.append(
        "\(names.count) tensors are not used, as \"\(first.prefix(128))\"; frcnn inspect lists them"
      )
    }
    return remarks
  }
}

extension StoredTensor {
  /// The first value that is infinite or no number; `nil` where all are finite.
  fileprivate var firstValueThatIsNotFinite: Float? {
    guard shape.count > 0 else { return nil }
    // A part at a time, so that what has to be converted takes little memory.
    guard shape.rank > 0, shape[0] > 0 else { return Self.first(in: self) }
    let rows = max(1, (1 << 20) / max(1, shape.count / shape[0]))
    defer { releasePages() }
    for start in stride(from: 0, to: shape[0], by: rows) {
      let part = slice(start..<min(start + rows, shape[0]))
      if let value = Self.first(in: part) { return value }
    }
    return nil
  }

  private static func first(in part: StoredTensor) -> Float? {
    unsafe part.withFloat32Values { values in
      // All bits of the exponent are set in an infinity and in what is no number.
      let exponent: UInt32 = 0x7F80_0000
      var found: UInt32 = 0
      // Safety: both loops stay within the buffer's own indices.
      for index in values.indices {
        found |= unsafe values[index].bitPattern & exponent == exponent ? 1 : 0
      }
      guard found != 0 else { return nil }
      for index in values.indices where unsafe !values[index].isFinite {
        return unsafe values[index]
      }
      return nil
    }
  }
}

extension Blueprint.Origin {
  /// Where a setting comes from, in words.
  fileprivate var words: String {
    switch self {
    case .options: "options"
    case .settings(let source): source
    case .file: "file"
    case .family: "family"
    case .assumption: "ASSUMED"
    }
  }
}
