import Digests
import Testing

@Suite struct SHA256Tests {
  // The examples of FIPS 180-4 (csrc.nist.gov, "SHA256.pdf"), and a million times "a" of its predecessor.
  @Test(arguments: [
    ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    ("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
  ])
  func sumsAreThoseOfTheStandard(text: String, count: Int, expected: String) {
    let bytes = Array(String(repeating: text, count: count).utf8)
    #expect(SHA256.sum(of: bytes).hexadecimalText == expected)
    // Cut in the middle, and once more at an end.
    var digest = SHA256()
    let span = bytes.span
    let cut = bytes.count / 3
    digest.update(span.extracting(..<cut))
    digest.update(span.extracting(cut...))
    digest.update(span.extracting(bytes.count...))
    #expect(digest.finish().hexadecimalText == expected)
  }

  @Test func sumsAreTheSameWhereAllTheirBytesAre() {
    let sum = SHA256.sum(of: [1])
    #expect(SHA256.areSame(sum, SHA256.sum(of: [1])))
    for index in sum.indices {
      var other = sum
      other[index] ^= 0x80
      #expect(!SHA256.areSame(sum, other))
    }
    #expect(!SHA256.areSame(sum, Array(sum.dropLast())))
  }
}
