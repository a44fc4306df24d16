internal import CDNNL

/// What a kernel does beside its operation.
struct Attributes {
  /// What follows the operation.
  var activation = Network.Activation.none
  /// What the destination holds is multiplied with before the result is added to it; `nil` where nothing is
  /// added.
  var addendScale: Float?
  /// What the result is multiplied with first: one factor, or one for each output channel; empty for
  /// none.
  var scales: [Float] = []

  /// Calls a closure with the attributes as the facade takes them.
  func withFacade(_ body: (UnsafePointer<fd_attributes>) -> Int32) -> Int32 {
    unsafe scales.withUnsafeBufferPointer { scales in
      var attributes = unsafe fd_attributes(
        scales: scales.baseAddress, scale_count: Int64(scales.count),
        adds_to_destination: addendScale != nil, addend_scale: addendScale ?? 1,
        activation: activation.facade)
      return unsafe body(&attributes)
    }
  }
}

extension Network.Activation {
  /// The facade's name.
  fileprivate var facade: fd_activation {
    switch self {
    case .none: fd_activation_none
    case .relu: fd_activation_relu
    case .relu6: fd_activation_relu6
    case .hardSwish: fd_activation_hard_swish
    case .hardSigmoid: fd_activation_hard_sigmoid
    case .silu: fd_activation_silu
    case .sigmoid: fd_activation_sigmoid
    }
  }
}
