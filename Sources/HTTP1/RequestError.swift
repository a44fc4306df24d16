/// Why a request was refused while it was read; the connection cannot be used after it.
public struct RequestError: Error, Sendable, Equatable {
  /// The rule or limit that was broken.
  public enum Reason: Sendable, Equatable, CaseIterable {
    case bareLineFeed
    case bareCarriageReturn
    case tooManyEmptyLines
    case invalidMethod
    case methodTooLong
    case malformedRequestLine
    case malformedVersion
    case unsupportedVersion
    case targetTooLong
    case invalidTarget
    case invalidPercentEncoding
    case encodedControlCharacter
    case encodedSlash
    case pathNotUTF8
    case tunnelNotSupported
    case misplacedAsterisk
    case unsupportedScheme
    case userInformation
    case headTooLong
    case tooManyFields
    case leadingWhitespace
    case foldedLine
    case invalidFieldName
    case whitespaceBeforeColon
    case invalidFieldValue
    case missingHost
    case repeatedHost
    case invalidHost
    case invalidContentLength
    case repeatedContentLength
    case bodyTooLong
    case conflictingFraming
    case codingInHTTP10
    case chunkedNotLast
    case unsupportedCoding
    case unsupportedExpectation
    case invalidChunkSize
    case invalidChunkExtension
    case chunkExtensionsTooLong
    case missingChunkEnd
    case trailersTooLong
    case incompleteRequest
  }

  /// What was wrong.
  public var reason: Reason

  /// Where: the byte within this request, counted from 0 at the first byte after the request
  /// before it.
  public var offset: Int

  init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  /// The status code that says so.
  public var status: Int {
    switch reason {
    case .bodyTooLong: 413
    case .targetTooLong: 414
    case .unsupportedExpectation: 417
    case .headTooLong, .tooManyFields, .trailersTooLong: 431
    case .methodTooLong, .tunnelNotSupported, .unsupportedCoding: 501
    case .unsupportedVersion: 505
    default: 400
    }
  }

  /// What was wrong, where, and which rule says so, in one sentence.
  public var detail: String { "\(reason.sentence) (at byte \(offset) of the request)" }
}

extension RequestError.Reason {
  /// What was wrong and which rule says so, without a full stop.
  var sentence: String {
    switch self {
    case .bareLineFeed: "a line must end in CR LF, not in LF alone (RFC 9112 section 2.2)"
    case .bareCarriageReturn: "a CR must be followed by LF (RFC 9112 section 2.2)"
    case .tooManyEmptyLines: "too many empty lines before the request line (RFC 9112 section 2.2)"
    case .invalidMethod:
      "a request must start with a method; is this HTTP, and not TLS? (RFC 9112 section 3.1)"
    case .methodTooLong: "the method is longer than any that is known (RFC 9112 section 3)"
    case .malformedRequestLine:
      "the request line must be method, one space, target, one space, version "
        + "(RFC 9112 section 3)"
    case .malformedVersion: "the version must read HTTP/1.1 or HTTP/1.0 (RFC 9112 section 2.3)"
    case .unsupportedVersion: "only HTTP/1.1 and HTTP/1.0 are spoken here (RFC 9110 section 15.6.6)"
    case .targetTooLong: "the request target is too long (RFC 9112 section 3)"
    case .invalidTarget:
      "the request target must be a path that starts with a slash, or a whole http URI, "
        + "with other characters percent-encoded (RFC 9112 section 3.2)"
    case .invalidPercentEncoding:
      "a percent sign must be followed by two hexadecimal digits (RFC 3986 section 2.1)"
    case .encodedControlCharacter: "a path must not hold an encoded control character"
    case .encodedSlash: "a path must not hold an encoded slash, since it would change its segments"
    case .pathNotUTF8: "a path must be UTF-8 once it is percent-decoded (RFC 3986 section 2.5)"
    case .tunnelNotSupported: "CONNECT is not supported: this is no proxy (RFC 9110 section 9.3.6)"
    case .misplacedAsterisk: "the target * goes with OPTIONS only (RFC 9112 section 3.2.4)"
    case .unsupportedScheme: "the target's scheme must be http or https (RFC 9112 section 3.2.2)"
    case .userInformation: "a target must not hold user information (RFC 9110 section 4.2.4)"
    case .headTooLong: "the head of the request is too long (RFC 6585 section 5)"
    case .tooManyFields: "the request has too many field lines (RFC 6585 section 5)"
    case .leadingWhitespace:
      "the first field line must not start with whitespace (RFC 9112 section 2.2)"
    case .foldedLine: "a field line must not be folded (RFC 9112 section 5.2)"
    case .invalidFieldName:
      "a field line must be a name of token characters, a colon and a value (RFC 9112 section 5)"
    case .whitespaceBeforeColon:
      "no whitespace may stand between a field name and its colon (RFC 9112 section 5.1)"
    case .invalidFieldValue: "a field value must not hold control characters (RFC 9110 section 5.5)"
    case .missingHost: "an HTTP/1.1 request must have a Host field (RFC 9112 section 3.2)"
    case .repeatedHost: "a request must not have more than one Host field (RFC 9112 section 3.2)"
    case .invalidHost: "Host must be a host and an optional port (RFC 9110 section 7.2)"
    case .invalidContentLength: "Content-Length must be decimal digits (RFC 9110 section 8.6)"
    case .repeatedContentLength: "Content-Length must stand once (RFC 9112 section 6.3)"
    case .bodyTooLong: "the body is too long (RFC 9110 section 15.5.14)"
    case .conflictingFraming:
      "Content-Length and Transfer-Encoding must not stand together (RFC 9112 section 6.3)"
    case .codingInHTTP10: "HTTP/1.0 has no Transfer-Encoding (RFC 9112 section 6.1)"
    case .chunkedNotLast: "Transfer-Encoding must end in chunked (RFC 9112 section 6.3)"
    case .unsupportedCoding: "the only transfer coding is chunked (RFC 9112 section 6.1)"
    case .unsupportedExpectation: "the only expectation is 100-continue (RFC 9110 section 10.1.1)"
    case .invalidChunkSize:
      "a chunk must start with 1 to 16 hexadecimal digits (RFC 9112 section 7.1)"
    case .invalidChunkExtension: "a chunk extension is malformed (RFC 9112 section 7.1.1)"
    case .chunkExtensionsTooLong: "the chunk extensions are too long (RFC 9112 section 7.1.1)"
    case .missingChunkEnd: "a chunk's data must be followed by CR LF (RFC 9112 section 7.1)"
    case .trailersTooLong: "the trailer section is too long (RFC 6585 section 5)"
    case .incompleteRequest: "the request ended before it was complete (RFC 9112 section 8)"
    }
  }
}
