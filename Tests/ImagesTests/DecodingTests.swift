import Testing

@testable import Images

struct DecodingTests {
  /// JPEG: Pillow 13 with libjpeg-turbo 3.2 gave these bytes.
  ///
  /// Its slow integer DCT and upsampling are
  /// exact integer arithmetic, so another version must give the same ones.
  /// PNG, TIFF, BMP: the fixture's script
  /// computed them from the samples that it wrote, and Pillow agreed. Data that lose something are decoded
  /// by libraries of other versions than Pillow's, so their bytes may differ by 1.
  @Test(arguments: Fixture.pictureNames)
  func `Every small picture decodes to the reference's bytes`(name: String) throws {
    let goldens = try Fixture.pictures.get()
    let decoded = try ImageDecoder().decode(Fixture.picture(name))
    let shape = try goldens.shape(name)
    #expect([decoded.image.height, decoded.image.width, 3] == shape)
    let expected = try goldens.uint8(name)
    if name.hasPrefix("lossy") || name.hasSuffix("jpeg.tif") {
      let differences = zip(decoded.image.pixels, expected).map { abs(Int($0) - Int($1)) }
      #expect(differences.max() ?? 0 <= 1)
    } else {
      #expect(decoded.image.pixels == expected)
    }
  }

  @Test
  func `A picture saved in any format without loss has the PNG's pixels`() throws {
    let reference = try ImageDecoder().decode(Fixture.picture("rgb-8.png")).image
    for name in [
      "lossless.webp", "rgb-lzw.tif", "rgb-adobe_deflate.tif", "rgb-packbits.tif", "rgb-raw.tif",
      "rgb-tiles.tif", "rgb-tiles-planes.tif", "rgb-planes.tif", "rgb-big-file.tif", "rgb.bmp",
      "rgb-32.bmp", "top-down.bmp",
    ] where Fixture.pictureNames.contains(name) {
      #expect(try ImageDecoder().decode(Fixture.picture(name)).image == reference, "\(name)")
    }
  }

  @Test
  func `The small pictures are all there`() {
    let counts = ["jpg": 24, "png": 56, "webp": 8, "tif": 26, "bmp": 14, "gif": 6]
    for format in ImageFormat.all {
      let count = Fixture.pictureNames.count { format.isFormat(ofFileNamed: $0) }
      #expect(count == counts[format.fileExtensions[0]], "\(format.name)")
    }
  }

  @Test(arguments: Orientation.allCases)
  func `An orientation is reported, applied, and ignored on request`(
    orientation: Orientation
  ) throws {
    let bytes = try Fixture.picture("orientation-\(orientation.rawValue).jpg")
    let applied = try ImageDecoder().decode(bytes)
    #expect(applied.header.orientation == orientation)
    #expect(applied.orientationApplied == orientation)
    #expect(applied.image.width == (orientation.swapsAxes ? 19 : 23))

    let ignored = try ImageDecoder(appliesOrientation: false).decode(bytes)
    #expect(ignored.header.orientation == orientation)
    #expect(ignored.orientationApplied == .identity)
    #expect(ignored.image.width == 23)
    let upright = try ImageDecoder().decode(Fixture.picture("orientation-1.jpg"))
    #expect(ignored.image == upright.image)
  }

  /// Pixel (x, y) of a 2 x 3 picture, by hand: 0 1 / 2 3 / 4 5.
  @Test(arguments: [
    (Orientation.identity, [0, 1, 2, 3, 4, 5]), (.mirrored, [1, 0, 3, 2, 5, 4]),
    (.rotated180, [5, 4, 3, 2, 1, 0]), (.flipped, [4, 5, 2, 3, 0, 1]),
    (.transposed, [0, 2, 4, 1, 3, 5]), (.rotated90, [4, 2, 0, 5, 3, 1]),
    (.transversed, [5, 3, 1, 4, 2, 0]), (.rotated270, [1, 3, 5, 0, 2, 4]),
  ])
  func `Orientations place the stored pixels`(orientation: Orientation, expected: [Int]) {
    let placement = OrientedPlacement(width: 2, height: 3, orientation: orientation)
    var placed = [Int](repeating: -1, count: 6)
    for y in 0..<3 {
      for x in 0..<2 {
        placed[(placement.origin + x * placement.xStep + y * placement.yStep) / 3] = 2 * y + x
      }
    }
    #expect(placed == expected)
  }

  @Test
  func `Bytes behind the end of the picture are ignored`() throws {
    for name in ["baseline-420.jpg", "progressive-444.jpg", "rgb-8.png"] {
      let bytes = try Fixture.picture(name)
      let padded = bytes + [UInt8](repeating: 0xAB, count: 100)
      #expect(try ImageDecoder().decode(padded).image == ImageDecoder().decode(bytes).image)
    }
  }

  @Test
  func `A slice of a larger array decodes`() throws {
    let bytes = try Fixture.picture("grey.jpg")
    let body = [1, 2, 3] + bytes + [4, 5]
    let slice = body[3..<3 + bytes.count]
    let decoded = try ImageDecoder().decode(slice.span)
    #expect(try decoded.image == ImageDecoder().decode(bytes).image)
  }
}
