/// A pickled `torch.nn.Module` as inert data: its class, its own attributes, and the modules in it.
///
/// `torch.save(model)` keeps what a state dictionary does not: sizes, thresholds, strides, epsilons.
/// Nothing of it is executed or looked up; parameters and buffers are in the state dictionary.
public struct PickledModule: Sendable {
  /// The class as `module.Name`; `?` where the file does not name it.
  public let className: String

  /// The module's attributes by name, in the order of the file, without parameters, buffers,
  /// modules and hooks.
  public let attributes: [(name: String, value: PickleValue)]

  /// The modules in it by name, in the order of the file.
  public let children: [(name: String, module: PickledModule)]

  /// The value of an attribute; `nil` where there is none of this name.
  public subscript(attribute: String) -> PickleValue? {
    attributes.last { $0.name == attribute }?.value
  }

  /// The module at a path of names, as `rpn.anchor_generator`; `nil` where there is none.
  public func module(_ path: String) -> PickledModule? {
    var found = self
    for name in path.split(separator: ".") {
      guard let child = found.children.last(where: { $0.name == name }) else { return nil }
      found = child.module
    }
    return found
  }
}

extension PickledModule {
  /// Members that are no attributes: what the state dictionary holds, and hooks.
  private static func isAttribute(_ name: String) -> Bool {
    !["_parameters", "_buffers", "_modules", "_non_persistent_buffers_set"].contains(name)
      && !name.hasSuffix("_hooks") && !name.contains("_hooks_")
  }

  /// Reads a module and those in it; what cannot be read stands there as `unreadable`.
  init(
    _ index: PickleGraph.Index, members: [(key: PickleGraph.Index, value: PickleGraph.Index)],
    interpreter: inout PickleInterpreter, depth: Int = 0
  ) throws(CheckpointError) {
    let graph = interpreter.graph
    className = graph.className(of: index) ?? "?"
    var attributes: [(name: String, value: PickleValue)] = []
    var children: [(name: String, module: PickledModule)] = []
    for (key, value) in members {
      guard let name = graph.name(key) else { continue }
      if name == "_modules" {
        for (key, value) in try interpreter.pairs(value) ?? [] {
          guard let name = graph.name(key), depth < CheckpointLimits.nesting,
            let inner = try interpreter.moduleMembers(value)
          else { continue }
          children.append(
            (
              name,
              try PickledModule(value, members: inner, interpreter: &interpreter, depth: depth + 1)
            ))
        }
      } else if Self.isAttribute(name) {
        attributes.append((name, interpreter.value(value)))
      }
    }
    self.attributes = attributes
    self.children = children
  }
}

extension PickleGraph {
  /// The class of an object: named in place or, in files from before PyTorch 1.6, by a persistent
  /// identity `('module', class, source file, source)`.
  fileprivate func className(of index: Index) -> String? {
    guard case .call = self[index].content, let maker = self[index].elements.first else {
      return nil
    }
    if let name = global(maker) { return name }
    guard case .persistent = self[maker].content, let identity = self[maker].elements.first,
      let fields = sequence(identity), fields.count >= 2, name(fields[0]) == "module"
    else { return nil }
    return global(fields[1])
  }
}
