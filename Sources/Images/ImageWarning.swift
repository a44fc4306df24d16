/// Something odd about a file that was decoded all the same.
public struct ImageWarning: Sendable, Hashable {
  /// What it is, in a word for programs.
  public enum Code: String, Sendable, CaseIterable {
    /// Bytes stand before the picture.
    case leadingBytes = "leading-bytes"
    /// Bytes that belong to no pixel stand in the picture's data.
    case extraneousBytes = "extraneous-bytes"
    /// A scan's header has parameters that are not those of its kind.
    case scanParameters = "odd-scan-parameters"
    /// The file does not say where the picture ends; its pixels are all there.
    case missingEnd = "missing-end"
    /// A part of the file that no pixel needs has a wrong checksum.
    case checksum = "wrong-checksum"
    /// Pixels are missing, and what is there was asked for.
    case truncated
    /// The colours are not sRGB's, and the file's profile was not applied.
    case profileIgnored = "profile-ignored"
    /// Samples were larger than what they are cut to.
    case clippedSamples = "clipped-samples"
  }

  /// What it is, in a word for programs.
  public let code: Code

  /// What it is, in a sentence for people.
  public let detail: String

  /// The rows that are not whole, counted in the picture as it is stored, before the orientation is
  /// applied; `nil` where none is missing.
  public let missingRows: Range<Int>?

  init(_ code: Code, _ detail: String, missingRows: Range<Int>? = nil) {
    self.code = code
    self.detail = detail
    self.missingRows = missingRows
  }
}
