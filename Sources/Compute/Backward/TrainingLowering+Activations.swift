internal import CConvolutionKernels
internal import Tensors

extension Network.Activation {
  /// Whether the derivative can be told from the result.
  var isKnownByResult: Bool { self != .hardSwish && self != .silu }
}

extension TrainingLowering {
  /// Sets a layer's result, to which the kernel has applied the activation already where its result tells
  /// its derivative, and which is applied to a copy where not.
  ///
  /// - Returns: what the derivative is computed from.
  mutating func set(
    _ memory: Memory, of layer: LoweredLayer, activatedBy activation: Network.Activation
  ) throws(ComputeError) -> Memory {
    guard !activation.isKnownByResult else {
      set(memory, of: layer.result)
      return memory
    }
    set(try activated(memory, activation, layer), of: layer.result)
    return memory
  }

  /// Adds the pass over a map that a layer is, its activation included, and sets the layer's result.
  ///
  /// - Parameters:
  ///   - layer: the layer.
  ///   - order: how the map lies.
  ///   - first: what the layer is applied to.
  ///   - second: a map that is added.
  ///   - enlargedFrom: the extents of the second where those are smaller.
  ///   - table: factors and terms of the channels.
  ///   - tensors: what the table reads.
  ///   - activation: what follows.
  /// - Returns: what the activation's derivative is computed from.
  /// - Throws: `ComputeError` where memory has run out.
  mutating func addPass(
    _ layer: LoweredLayer, order: MapOrder, first: Memory, second: Memory? = nil,
    enlargedFrom: [Int]? = nil, table: MapStep.Table?, tensors: [Memory] = [],
    activation: Network.Activation?
  ) throws(ComputeError) -> Memory {
    let following = activation ?? .none
    let destination = try Memory(first.layout)
    addStep(
      layer.name,
      MapStep(
        order: order, extents: extents(of: layer.result), first: first, second: second,
        enlargedFrom: enlargedFrom, table: table,
        activation: following.isKnownByResult ? following : .none, destination: destination),
      reading: [first] + (second.map { [$0] } ?? []) + tensors, writing: destination)
    return try set(destination, of: layer, activatedBy: following)
  }

  /// A new tensor with an activation's results.
  mutating func activated(
    _ source: Memory, _ activation: Network.Activation, _ layer: LoweredLayer
  ) throws(ComputeError) -> Memory {
    let destination = try Memory(source.layout)
    addStep(
      layer.name,
      MapStep(
        order: try MapOrder(source.layout, layer.name), extents: extents(of: layer.result),
        first: source, second: nil, enlargedFrom: nil, table: nil, activation: activation,
        destination: destination), reading: [source], writing: destination)
    return destination
  }

  /// Turns the gradient of an activation's result into that of its argument, in its place.
  mutating func undo(
    _ activation: Network.Activation, reference: Memory, _ upstream: Memory, _ name: String
  ) {
    guard activation != .none else { return }
    let count = upstream.layout.byteCount / MemoryLayout<Float>.stride
    addStep("\(name): activation's gradient", changing: upstream, reading: [reference]) {
      // Safety: both have the layout of the layer's result.
      OpenMP.parallel(count, threadCount: OpenMP.threadCount) { range in
        let first = range.lowerBound
        unsafe gradient_activation(
          upstream.floats + first, upstream.floats + first, reference.floats + first, range.count,
          activation.mapActivation)
      }
    }
  }

  /// Adds a gradient, which may lie in any order, to a parameter's.
  mutating func accumulate(
    _ gradient: Memory, in parameter: Parameter, _ name: String
  ) throws(ComputeError) {
    let sum = try constant(.rowMajor(gradient.layout.shape), in: parameter.gradient)
    if replacesGradient(of: parameter) {
      try addReorder("\(name): reorder", from: gradient, to: sum)
      return
    }
    let gradient = try reordered(gradient, to: sum.layout, name)
    let count = parameter.shape.count
    addStep("\(name): sum", changing: gradient, reading: []) {
      // Safety: the gradient is plain, with as many numbers as the parameter.
      OpenMP.parallel(count, threadCount: OpenMP.threadCount) { range in
        unsafe gradient_add(
          sum.floats + range.lowerBound, gradient.floats + range.lowerBound, range.count)
      }
    }
  }
}

extension Elementwise: Differentiable {
  func lowerForward(
    _ layer: LoweredLayer, in lowering: inout TrainingLowering
  ) throws(ComputeError) -> any LayerGradient {
    let source = lowering.memory(of: inputs[0])
    let result = try lowering.activated(source, function, layer)
    lowering.set(result, of: layer.result)
    return ElementwiseGradient(
      operation: self, name: layer.name, reference: function.isKnownByResult ? result : source)
  }
}

/// The backward pass of an activation by itself.
struct ElementwiseGradient: LayerGradient {
  let operation: Elementwise
  let name: String
  let reference: Memory

  func lowerBackward(
    _ upstream: Memory, in lowering: inout TrainingLowering
  ) throws(ComputeError) {
    lowering.undo(operation.function, reference: reference, upstream, name)
    try lowering.add(upstream, to: operation.inputs[0])
  }
}
