internal import Digests
internal import HTTP1

/// The keys that let a client in.
///
/// Only their SHA-256 sums are kept, and sums are what is compared, all of each and of every key: how
/// long that takes tells nothing about how much of a key was right, nor which it was.
public struct APIKeys: Sendable {
  /// Why a list of keys is not taken.
  public enum Fault: Error, Sendable, Equatable, CustomStringConvertible {
    /// It has no key.
    case empty
    /// A key is shorter than `minimumLength`.
    case tooShort(line: Int)
    /// A key has characters that cannot be sent in a header.
    case unsendable(line: Int)

    /// What is wrong, and where.
    public var description: String {
      switch self {
      case .empty: "there is no key; write one a line, lines that begin with # are comments"
      case .tooShort(let line):
        "the key in line \(line) is shorter than \(APIKeys.minimumLength) characters; "
          + "'openssl rand -hex 32' makes a good one"
      case .unsendable(let line):
        "the key in line \(line) has characters other than visible ASCII, which no header can carry"
      }
    }
  }

  /// The shortest key in characters: 16 of hexadecimal digits are 64 bits, too many to try over a
  /// network.
  public static let minimumLength = 16

  /// The longest value that is hashed: heads are bounded, and so is what a stranger can make it cost.
  private static let maximumLength = 4096

  private let sums: [[UInt8]]

  /// How many keys there are.
  public var count: Int { sums.count }

  /// Reads keys, one a line; empty lines and those that begin with `#` are passed over, and so are
  /// spaces around a key.
  ///
  /// - Throws: `Fault`, which never repeats a key.
  public init(parsing text: String) throws(Fault) {
    var sums: [[UInt8]] = []
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, line) in lines.enumerated() {
      let key = line.trimmingSpaces
      if key.isEmpty || key.first == "#" { continue }
      guard key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        throw .unsendable(line: index + 1)
      }
      guard key.utf8.count >= Self.minimumLength else { throw .tooShort(line: index + 1) }
      sums.append(SHA256.sum(of: Array(key.utf8)))
    }
    guard !sums.isEmpty else { throw .empty }
    self.sums = sums
  }

  /// Requires that a request has one of the keys, as `Authorization: Bearer KEY` (RFC 6750 section
  /// 2.1) or as `X-API-Key: KEY`.
  ///
  /// A request that has several is held against the first of each field; one right key suffices.
  ///
  /// - Throws: a `Problem` of 401 with the challenge that RFC 9110 section 11.6.1 asks for.
  func require(in fields: HTTPFields) throws(Problem) {
    var given = fields.values(of: "X-API-Key").prefix(1).map { Array($0.utf8) }
    let authorization = fields["Authorization"]
    if let authorization, let space = authorization.firstIndex(of: " "),
      authorization[..<space].lowercased() == "bearer"
    {
      given.append(Array(authorization[space...].trimmingSpaces.utf8))
    }
    if given.isEmpty {
      throw Self.refusal(
        "An API key is needed: send it as 'Authorization: Bearer KEY' or as 'X-API-Key: KEY'.",
        challenge: "Bearer realm=\"frcnn\"")
    }
    guard given.contains(where: isKnown) else {
      throw Self.refusal(
        "The API key is not one of those that are let in.",
        challenge: "Bearer realm=\"frcnn\", error=\"invalid_token\"")
    }
  }

  private func isKnown(_ key: [UInt8]) -> Bool {
    guard key.count <= Self.maximumLength else { return false }
    let sum = SHA256.sum(of: key)
    var found = 0
    for known in sums {
      found |= SHA256.areSame(known, sum) ? 1 : 0
    }
    return found != 0
  }

  private static func refusal(_ detail: String, challenge: String) -> Problem {
    var problem = Problem(.unauthorized, detail)
    problem.fields = [("WWW-Authenticate", challenge)]
    return problem
  }
}
