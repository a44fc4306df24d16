import Tensors
import Testing

@testable import Images

struct ImageHeaderTests {
  @Test(arguments: [
    ("baseline-420.jpg", ImageHeader.ColourMode.rgb, 8, false),
    ("progressive-444.jpg", .rgb, 8, true),
    ("stored-as-rgb.jpg", .rgb, 8, false),
    ("grey.jpg", .grey, 8, false),
    ("cmyk-adobe.jpg", .cmyk, 8, false),
    ("cmyk-plain.jpg", .cmyk, 8, false),
    ("ycck-adobe.jpg", .ycck, 8, false),
    ("grey-1.png", .grey, 1, false),
    ("grey-16-interlaced.png", .grey, 16, true),
    ("grey-alpha-8.png", .greyAlpha, 8, false),
    ("rgb-16.png", .rgb, 16, false),
    ("rgba-16-interlaced.png", .rgba, 16, true),
    ("palette-2.png", .palette, 2, false),
  ])
  func `A header says how the picture is stored`(
    name: String, colourMode: ImageHeader.ColourMode, bitDepth: Int, isProgressive: Bool
  ) throws {
    let header = try ImageHeader(parsing: Fixture.picture(name))
    #expect(header.format == (name.hasSuffix("jpg") ? .jpeg : .png))
    #expect((header.width, header.height) == (23, 19))
    #expect(header.colourMode == colourMode)
    #expect(header.bitDepth == bitDepth)
    #expect(header.isProgressive == isProgressive)
    #expect(header.orientation == nil)
  }

  @Test
  func `Orientation is read in both byte orders and both formats`() throws {
    for name in [
      "orientation-6.jpg", "orientation-6-big-endian.jpg", "orientation-6-before.png",
      "orientation-6-after.png",
    ] {
      let header = try ImageHeader(parsing: Fixture.picture(name))
      #expect(header.orientation == .rotated90, "\(name)")
    }
  }

  static func exif(_ tiff: [UInt8]) -> Orientation? {
    Orientation(exif: tiff.span, in: 0..<tiff.count)
  }

  static let entry: [UInt8] = [0x12, 1, 3, 0, 1, 0, 0, 0, 8, 0, 0, 0]
  static let tiff: [UInt8] = [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0] + entry + [0, 0, 0, 0]

  @Test
  func `Broken Exif data count as none`() {
    #expect(Self.exif(Self.tiff) == .rotated270)
    // The last four bytes are not needed; short of them nothing is found, and nothing breaks.
    for count in 0..<Self.tiff.count - 6 {
      #expect(Self.exif(Array(Self.tiff.prefix(count))) == nil, "\(count)")
    }
    func changed(_ index: Int, to values: [UInt8]) -> Orientation? {
      var tiff = Self.tiff
      tiff.replaceSubrange(index..<index + values.count, with: values)
      return Self.exif(tiff)
    }
    #expect(changed(0, to: [0x49, 0x4D]) == nil)
    #expect(changed(2, to: [43]) == nil)
    #expect(changed(4, to: [0xFF, 0xFF, 0xFF, 0xFF]) == nil)
    #expect(changed(4, to: [0xFF, 0xFF, 0xFF, 0x7F]) == nil)
    #expect(changed(12, to: [2]) == nil, "type")
    #expect(changed(14, to: [2]) == nil, "count")
    for value: UInt8 in [0, 9, 255] { #expect(changed(18, to: [value]) == nil, "\(value)") }
    // 65,535 entries of which one is there.
    #expect(changed(8, to: [0xFF, 0xFF, 0]) == nil)
  }

  @Test
  func `Garbage in the Exif segment does not harm the picture`() throws {
    let bytes = try Fixture.picture("orientation-6.jpg")
    let tiff = 12
    var generator = SplitMix64(seed: 1)
    for _ in 0..<200 {
      var garbled = bytes
      for _ in 0..<4 {
        let index = tiff + Int.random(in: 0..<34, using: &generator)
        garbled[index] = .random(in: 0...255, using: &generator)
      }
      let decoded = try ImageDecoder().decode(garbled)
      #expect(decoded.image.pixels.count == 3 * 23 * 19)
    }
  }
}
