import Testing

@testable import Batch

@Suite struct WaitingPicturesTests {
  private typealias Pictures = WaitingPictures<String>
  private let small = Pictures.Size(width: 1, height: 1)
  private let large = Pictures.Size(width: 9, height: 9)

  private func pictures() -> Pictures {
    var pictures = Pictures()
    pictures.add(.init(sequence: 4, size: large, picture: "large"))
    pictures.add(.init(sequence: 2, size: small, picture: "first small"))
    pictures.add(.init(sequence: 3, size: small, picture: "second small"))
    return pictures
  }

  @Test func aLaneGetsTheSizeThatItHadLast() {
    var pictures = pictures()
    #expect(pictures.take(preferring: large, urgentBefore: 0)?.picture == "large")
    #expect(pictures.take(preferring: large, urgentBefore: 0)?.picture == "first small")
    #expect(pictures.take(preferring: small, urgentBefore: 0)?.picture == "second small")
    #expect(pictures.take(preferring: small, urgentBefore: 0) == nil)
    #expect(pictures.isEmpty)
  }

  @Test func theOldestIsNotPassedOverForLong() {
    var pictures = pictures()
    #expect(pictures.take(preferring: large, urgentBefore: 3)?.picture == "first small")
    #expect(pictures.take(preferring: large, urgentBefore: 3)?.picture == "large")
  }

  @Test func withoutAPreferenceTheOldestGoesFirst() {
    var pictures = pictures()
    #expect(pictures.take(preferring: nil, urgentBefore: 0)?.picture == "first small")
  }
}
