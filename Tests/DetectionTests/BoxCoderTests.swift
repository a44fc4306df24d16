import Detection
import Testing

@Suite struct BoxCoderTests {
  let goldens: Goldens

  init() throws { goldens = try Goldens() }

  @Test func encodeMatchesTheGolden() throws {
    let (anchors, boxes) = (try goldens.boxes("box.src"), try goldens.boxes("box.dst"))
    let expected = try goldens.floats("box.encode")
    for (index, anchor) in anchors.enumerated() {
      let offset = BoxCoder().encode(boxes[index], relativeTo: anchor)
      let stored = offset.stored(as: .yxyx)
      for (part, value) in [stored.0, stored.1, stored.2, stored.3].enumerated() {
        // The logarithm is near 0 for equal sides, where its rounding is absolute.
        #expect(isClose(value, expected[4 * index + part], relative: 1e-5, absolute: 1e-6))
      }
    }
  }

  @Test func decodeMatchesTheGolden() throws {
    let (anchors, offsets) = (try goldens.boxes("box.src"), try goldens.floats("box.loc"))
    let expected = try goldens.boxes("box.decode")
    for (index, anchor) in anchors.enumerated() {
      let offset = BoxOffset(
        offsets[4 * index], offsets[4 * index + 1], offsets[4 * index + 2], offsets[4 * index + 3],
        as: .yxyx)
      let box = BoxCoder().decode(offset, relativeTo: anchor)
      // An edge near 0 is the difference of two numbers of some 1,000 pixels.
      #expect(isClose(box, expected[index], relative: 1e-5, absolute: 1e-3))
    }
  }
}
