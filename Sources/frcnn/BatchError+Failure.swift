import Batch

extension Failure {
  /// A failure with the exit status that the error stands for.
  init(_ error: BatchError) {
    let kind: Kind =
      switch error.kind {
      case .usage: .usage
      case .brokenInput: .brokenInput
      case .missingInput: .missingInput
      case .internalError: .internalError
      case .cannotCreate: .cannotCreate
      }
    self.init(kind, error.description)
  }
}

extension BatchError {
  /// What a row tells of a failure.
  init(_ failure: Failure) {
    let kind: Kind =
      switch failure.kind {
      case .usage, .configuration: .usage
      case .brokenInput, .negative: .brokenInput
      case .missingInput, .unavailable: .missingInput
      case .internalError: .internalError
      case .cannotCreate: .cannotCreate
      }
    self.init(kind, failure.message)
  }
}
