/// One kind of layer with all that is to know about it, in one file each: `Operation+Convolution.swift`
/// and so on.
///
/// A new operation is a new file: its shape rule, the precisions that it bears, the rows that it needs of
/// its source, how it is lowered, and the method of `Network` that adds it. The passes of a plan ask here
/// and never which operation it is, but for the few that are computed together.
protocol Operation: Sendable {
  /// What the layer reads; first the value that it is applied to.
  var inputs: [Network.Value] { get set }

  /// The weights that are kept in the kernels' own layouts, where there are any.
  var weights: LayerWeights? { get }

  /// What follows in the same pass, where something can; `nil` where nothing can.
  var activation: Network.Activation? { get set }

  /// Whether it multiplies by weights often enough that bf16 and int8 pay, and rounding is harmless.
  var bearsLowPrecision: Bool { get }

  /// Whether it can read bytes one of which stands for zero: nothing beside the bytes themselves may count as
  /// zeros, as padding does.
  var readsSignedBytes: Bool { get }

  /// Whether its result is never negative, given whether each input is.
  func isNonNegative(_ inputs: [Bool]) -> Bool

  /// The extents of the result.
  ///
  /// - Throws: `ComputeError` with the layer's name where the inputs have no such result.
  func extents(of inputs: [[Int]], name: String) throws(ComputeError) -> [Int]

  /// The rows of the source, which has `extent` of them, that some rows of the result depend on; `nil`
  /// where it cannot be computed some rows at a time.
  func sourceRows(for rows: Range<Int>, of extent: Int) -> Range<Int>?

  /// How an input should be kept, where the layer multiplies in `precision` and writes its result as
  /// `result`; `nil` where bytes of any scale will do.
  func storage(
    ofInput position: Int, precision: LayerPrecision, result: ValueStorage
  ) -> ValueStorage?

  /// Adds the steps that compute the layer.
  func lower(_ layer: LoweredLayer, in lowering: inout Lowering) throws(ComputeError)
}

extension Operation {
  var weights: LayerWeights? { nil }

  var activation: Network.Activation? {
    get { nil }
    set { preconditionFailure("\(Self.self) is followed by no \(String(describing: newValue))") }
  }

  var bearsLowPrecision: Bool { false }

  var readsSignedBytes: Bool { false }

  func isNonNegative(_ inputs: [Bool]) -> Bool { activation?.isNonNegative ?? false }

  func sourceRows(for rows: Range<Int>, of extent: Int) -> Range<Int>? { nil }

  func storage(
    ofInput position: Int, precision: LayerPrecision, result: ValueStorage
  ) -> ValueStorage? { .float32 }

  /// The extents of a map; throws where a value has not four axes.
  func map(_ extents: [Int], name: String) throws(ComputeError) -> [Int] {
    guard extents.count == 4 else {
      throw ComputeError(
        operation: name, reason: "\(extents.map(String.init).joined(separator: "x")) is no map")
    }
    return extents
  }
}

/// A layer at its place in the network, as it is lowered.
struct LoweredLayer {
  let index: Int
  let name: String
  let result: Network.Value
}
