extension Route {
  /// Who may ask for a route where keys are asked for.
  enum Access {
    /// Everyone: a probe has no key, and what is public in the repository is no secret.
    case everyone
    /// Who has a key, unless the operator opens the figures.
    case figures
    /// Who has a key.
    case keyHolders
  }

  /// Who may ask for it; what is not named here needs a key.
  var access: Access {
    switch self {
    case .home, .documentation, .example, .liveness, .readiness, .health, .description,
      .inferenceLive, .inferenceReady:
      .everyone
    case .metrics: .figures
    default: .keyHolders
    }
  }
}
