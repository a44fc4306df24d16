/// How much of each kind a request may hold; what is over is refused and the connection closes.
///
/// With these a connection's memory is bounded by `headLength` and `bodyLength` whatever a client
/// sends.
public struct HTTPLimits: Sendable, Equatable {
  /// Bytes of a method.
  ///
  /// The longest registered method has 17 (`UPDATEREDIRECTREF`). Over it: 501.
  public var methodLength = 32

  /// Bytes of a request target, 8 KiB.
  ///
  /// RFC 9112 section 3 wants at least 8000. Over it: 414.
  public var targetLength = 8192

  /// Bytes of the request line and all field lines with their line ends, 16 KiB.
  ///
  /// Node.js has the same limit, Apache 8 KiB for each line. Over it: 431.
  public var headLength = 16 * 1024

  /// Field lines of a head or of a trailer section.
  ///
  /// Apache's `LimitRequestFields` is 100 as well. Over it: 431.
  public var fieldCount = 100

  /// Bytes of a body once its transfer coding is removed, 32 MiB.
  ///
  /// Over it: 413, before the body is read where its length is declared.
  public var bodyLength = 32 * 1024 * 1024

  /// Bytes of chunk extensions in one body, 4 KiB.
  ///
  /// Nobody uses them, and unbounded they let a client send much for little (CVE-2023-39326 in
  /// Go's `net/http`). Over it: 400.
  public var chunkExtensionLength = 4096

  /// Bytes of a trailer section, 4 KiB.
  ///
  /// Over it: 431.
  public var trailerLength = 4096

  /// Empty lines passed over before a request line (RFC 9112 section 2.2 asks for at least one).
  ///
  /// Over it: 400.
  public var leadingEmptyLines = 4

  /// The defaults.
  public init() {}
}

extension HTTPLimits {
  /// One limit, to be told to the client that broke it.
  public struct Limit: Sendable, Equatable {
    /// What is limited, as `body`.
    public var name: String

    /// The most that is allowed.
    public var value: Int

    /// What is counted, as `bytes`.
    public var unit: String

    /// Makes a limit.
    public init(name: String, value: Int, unit: String) {
      self.name = name
      self.value = value
      self.unit = unit
    }
  }

  /// The limit behind a refusal; `nil` where it is not a limit that was broken.
  public func limit(for reason: RequestError.Reason) -> Limit? {
    switch reason {
    case .methodTooLong: Limit(name: "method", value: methodLength, unit: "bytes")
    case .targetTooLong: Limit(name: "target", value: targetLength, unit: "bytes")
    case .headTooLong: Limit(name: "head", value: headLength, unit: "bytes")
    case .tooManyFields: Limit(name: "fields", value: fieldCount, unit: "lines")
    case .bodyTooLong: Limit(name: "body", value: bodyLength, unit: "bytes")
    case .chunkExtensionsTooLong:
      Limit(name: "chunk_extensions", value: chunkExtensionLength, unit: "bytes")
    case .trailersTooLong: Limit(name: "trailers", value: trailerLength, unit: "bytes")
    default: nil
    }
  }
}
