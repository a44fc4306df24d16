import Tensors

extension StateDictionary {
  /// Prefixes that say nothing of the network: `torch.nn.DataParallel`, `torch.compile`, and the
  /// snapshots of Chainer's trainer.
  private static let transparent = ["module.", "_orig_mod.", "updater/model:main/"]

  /// Names under which training frameworks keep the network beside losses and metrics.
  private static let holders = [
    "model.", "module.", "net.", "network.", "detector.", "faster_rcnn.", "ema_model.", "student.",
  ]

  /// The same tensors without the prefixes that wrappers put before all their names, and the names that
  /// do not belong to what was wrapped.
  ///
  /// A prefix goes where every parameter has it and, unless it is a known wrapper's, at least two
  /// names of modules stand behind it: `features.0.weight`, `features.2.weight` keep theirs. The
  /// network that a trainer holds beside other things goes by its usual names.
  ///
  /// - Returns: also whether something held the network, as a trainer does; a compiler's or a distributor's
  ///   prefix says nothing of that.
  func withoutWrappers() -> (dictionary: StateDictionary, leftOut: [String], wasHeld: Bool) {
    var dictionary = self
    var leftOut: [String] = []
    var wasHeld = false
    // Real files have three at most: a trainer's, a compiler's, a distributor's.
    for _ in 0..<6 {
      guard let prefix = dictionary.wrapper else { break }
      let holder = Self.transparent.reduce(prefix) { name, wrapper in
        name.split(separator: wrapper).joined()
      }
      wasHeld = wasHeld || !holder.isEmpty
      var inner = StateDictionary(metadata: metadata)
      for name in dictionary.names {
        if name.hasPrefix(prefix), name != prefix {
          inner[String(name.dropFirst(prefix.count))] = dictionary[name]
        } else {
          leftOut.append(name)
        }
      }
      dictionary = inner
    }
    return (dictionary, leftOut, wasHeld)
  }

  /// The prefix to take away; `nil` where there is none.
  private var wrapper: String? {
    if names.contains(where: { $0.hasPrefix("updater/model:main/") }) {
      return "updater/model:main/"
    }
    // PyTorch's names have parts with dots between them, Chainer's with slashes.
    for separator in [Character("."), "/"] {
      let parameters = names.filter { $0.contains(separator) }
      let shared = Self.sharedPrefix(of: parameters, separator)
      if Self.modules(in: parameters, behind: shared, separator).count >= 2 {
        if !shared.isEmpty { return shared }
      } else if let first = Self.transparent.first(where: { shared.hasPrefix($0) }),
        parameters.count == names.count
          || parameters.contains(where: { $0.dropFirst(first.count).contains(separator) })
      {
        return first
      }
    }
    let parameters = names.filter { $0.contains(".") }
    return Self.holders.first { holder in
      let held = parameters.filter { $0.hasPrefix(holder) }
      return held.count < parameters.count && held.count * 2 > parameters.count
        && Self.modules(in: held, behind: holder, ".").count >= 2
    }
  }

  /// The parts, with their separators, that all names begin with; the last part of a name, which is
  /// the parameter's own, is none of them.
  private static func sharedPrefix(of names: [String], _ separator: Character) -> String {
    guard var shared = names.first.map({ $0[...] }) else { return "" }
    for name in names {
      while !name.hasPrefix(shared) || shared.last != separator || name.count == shared.count {
        guard let end = shared.dropLast().lastIndex(of: separator) else { return "" }
        shared = shared[...end]
      }
    }
    return String(shared)
  }

  /// The names of modules that stand right behind a prefix; numbers, which sequences of layers have,
  /// are none.
  private static func modules(
    in names: [String], behind prefix: String, _ separator: Character
  ) -> Set<Substring> {
    Set(
      names.compactMap { name -> Substring? in
        let rest = name.dropFirst(prefix.count)
        guard let end = rest.firstIndex(of: separator), Int(rest[..<end]) == nil else { return nil }
        return rest[..<end]
      })
  }
}
