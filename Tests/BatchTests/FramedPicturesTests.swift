import Batch
import Glibc
import Testing

@Suite struct FramedPicturesTests {
  /// A source that reads these bytes from a pipe.
  private func source(_ bytes: [UInt8], limit: Int = 100) throws -> FramedPictures {
    var ends: [Int32] = [0, 0]
    let made = unsafe pipe(&ends)
    try #require(made == 0)
    let count = unsafe write(ends[1], bytes, bytes.count)
    try #require(count == bytes.count)
    close(ends[1])
    return FramedPictures(descriptor: ends[0], limit: limit)
  }

  @Test func picturesStandBehindTheirLengths() throws {
    var source = try source([0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 0, 0, 0, 1, 9])
    #expect(try source.next() == PictureEntry(index: 0, name: nil, content: .bytes([7, 8])))
    #expect(try source.next() == PictureEntry(index: 1, name: nil, content: .bytes([])))
    #expect(try source.next() == PictureEntry(index: 2, name: nil, content: .bytes([9])))
    #expect(try source.next() == nil)
  }

  @Test func aPictureOverTheLimitIsPassedOver() throws {
    var source = try source([0, 0, 1, 1] + Array(repeating: 5, count: 257) + [0, 0, 0, 1, 9])
    guard case .failure(let error)? = try source.next()?.content else {
      Issue.record("it was taken")
      return
    }
    #expect(error.kind == .brokenInput)
    #expect(try source.next() == PictureEntry(index: 1, name: nil, content: .bytes([9])))
  }

  @Test(arguments: [[0, 0], [0, 0, 0, 3, 1]] as [[UInt8]])
  func anEndWithinAPictureIsAnError(bytes: [UInt8]) throws {
    var source = try source(bytes)
    #expect(throws: BatchError.self) { try source.next() }
  }
}
