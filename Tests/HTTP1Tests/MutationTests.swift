import Testing

@testable import HTTP1

/// Sebastiano Vigna's SplitMix64: small, and the same numbers in every run.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

@Suite struct MutationTests {
  private static let interesting: [UInt8] = Array(
    " \t\r\n:;,%/.?*@[]\"\\0159aAfFzZ\u{0}\u{7f}".utf8)

  private func mutate(_ bytes: inout [UInt8], using generator: inout SplitMix64) {
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let place = Int.random(in: 0...bytes.count, using: &generator)
      let byte =
        Bool.random(using: &generator)
        ? UInt8.random(in: 0...255, using: &generator)
        : Self.interesting[Int.random(in: 0..<Self.interesting.count, using: &generator)]
      switch Int.random(in: 0..<5, using: &generator) {
      case 0: bytes.insert(byte, at: place)
      case 1: if place < bytes.count { bytes[place] = byte }
      case 2: if place < bytes.count { bytes.remove(at: place) }
      case 3: if place < bytes.count { bytes[place] ^= 1 << (byte & 7) }
      default:
        let end = min(bytes.count, place + Int(byte & 31))
        bytes.insert(contentsOf: bytes[place..<end], at: place)
      }
    }
  }

  @Test("mutated requests never trap, and give the same events however they are cut")
  func mutations() throws {
    let cases = try Corpus.cases()
    var generator = SplitMix64(state: 20_240_229)
    for _ in 0..<6000 {
      let one = cases[Int.random(in: 0..<cases.count, using: &generator)]
      var bytes = one.bytes
      mutate(&bytes, using: &generator)
      var pieces: [ArraySlice<UInt8>] = []
      var start = 0
      while start < bytes.count {
        let end = min(bytes.count, start + Int.random(in: 1...12, using: &generator))
        pieces.append(bytes[start..<end])
        start = end
      }
      let whole = EventLog.lines(of: [bytes[...]], limits: one.limits)
      let cut = EventLog.lines(of: pieces, limits: one.limits)
      try #require(whole == cut, "\(String(decoding: bytes, as: UTF8.self).debugDescription)")
    }
  }

  @Test("what is accepted obeys the limits and holds no control characters")
  func accepted() throws {
    let cases = try Corpus.cases()
    var generator = SplitMix64(state: 7)
    for _ in 0..<6000 {
      let one = cases[Int.random(in: 0..<cases.count, using: &generator)]
      var bytes = one.bytes
      mutate(&bytes, using: &generator)
      var parser = RequestParser(limits: one.limits)
      var index = 0
      var bodyLength = 0
      while let event = try? parser.next(bytes.span, from: &index) {
        switch event {
        case .head(let head):
          bodyLength = 0
          #expect(head.path == "*" || head.path.hasPrefix("/"))
          #expect(!head.path.utf8.contains { $0 < 0x20 || $0 == 0x7f })
          #expect(!head.path.split(separator: "/").contains { $0 == "." || $0 == ".." })
          #expect(head.fields.lines.count <= one.limits.fieldCount)
          for field in head.fields.lines {
            #expect(field.name.utf8.allSatisfy(ByteClass.token.contains))
            #expect(field.value.utf8.allSatisfy { $0.isFieldContent })
          }
          if head.framing == .chunked {
            #expect(head.fields.values(of: "Content-Length").isEmpty)
          }
        case .body(let range):
          bodyLength += range.count
          #expect(bodyLength <= one.limits.bodyLength)
        case .end:
          parser.startNext()
        }
      }
    }
  }
}
