import Tensors
import Testing

@testable import Images

/// Files that are broken, lying or hostile: each is refused with a located error in bounded time.
struct HostilePictureTests {
  static let decoder = ImageDecoder()

  /// One file of each kind of decoding: JPEG coders and samplings, PNG colour types and passes.
  static let truncated = [
    "baseline-420.jpg", "progressive-422.jpg", "cmyk-adobe.jpg", "ycck-adobe.jpg", "restart.jpg",
    "grey-progressive.jpg", "orientation-6.jpg", "rgb-8.png", "rgba-16-interlaced.png",
    "palette-4-trns.png", "grey-1-interlaced.png", "gamma.png", "orientation-6-after.png",
  ]

  @Test(arguments: truncated)
  func `A file cut off anywhere before its pixels end is an error that says so`(
    name: String
  ) throws {
    let bytes = try Fixture.picture(name)
    for count in 0..<Self.endOfPixels(of: bytes) {
      let error = #expect(throws: ImageError.self, "\(count) of \(bytes.count) bytes") {
        try Self.decoder.decode(Array(bytes.prefix(count)))
      }
      switch error {
      case .truncated(_, let byteOffset): #expect(byteOffset <= count)
      case .empty: #expect(count == 0)
      case .unknownFormat: #expect(count < 3)
      default: Issue.record("\(count) of \(bytes.count) bytes: \(String(describing: error))")
      }
    }
  }

  /// How many of a file's bytes its pixels need: all but a JPEG's end marker and a PNG's last checksum
  /// and IEND chunk.
  static func endOfPixels(of bytes: [UInt8]) -> Int {
    guard bytes[0] == 0x89 else { return bytes.count - 8 }
    let last = bytes.indices.last { bytes[$0...].starts(with: Array("IDAT".utf8)) } ?? 0
    return last + 4 + bytes[last - 4..<last].reduce(0) { $0 << 8 | Int($1) } - 8
  }

  /// 60 variants of each of the 80 pictures, up to three bytes changed in each.
  @Test(arguments: Fixture.pictureNames)
  func `Changed bytes give a picture of the stated size or an error`(name: String) throws {
    let bytes = try Fixture.picture(name)
    var generator = SplitMix64(seed: UInt64(bytes.count))
    let decoder = ImageDecoder(limits: ImageLimits(maximumPixels: 1 << 20, maximumSide: 4096))
    for _ in 0..<60 {
      var mutated = bytes
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        mutated[Int.random(in: 0..<bytes.count, using: &generator)] =
          .random(in: 0...255, using: &generator)
      }
      do throws(ImageError) {
        let decoded = try decoder.decode(mutated)
        let (width, height) = (decoded.header.width, decoded.header.height)
        #expect(decoded.image.width * decoded.image.height == width * height)
      } catch {
        #expect(!error.description.isEmpty)
      }
    }
  }

  @Test
  func `Any changed byte of a PNG is found out`() throws {
    // Every byte is covered by a signature, a checksum or the chunk structure.
    let bytes = try Fixture.picture("rgb-8.png")
    let image = try Self.decoder.decode(bytes).image
    for index in bytes.indices {
      var mutated = bytes
      mutated[index] ^= 0x10
      do throws(ImageError) {
        // What follows the picture's data can be odd without harm; an end with a wrong checksum is none to libpng 1.6.39, and
        // to 1.6.48 one with a wrong checksum.
        let decoded = try Self.decoder.decode(mutated)
        let codes = decoded.warnings.map(\.code)
        #expect(codes == [.missingEnd] || codes == [.checksum], "byte \(index)")
        #expect(decoded.image == image, "byte \(index)")
      } catch {
        #expect(!error.description.isEmpty)
      }
    }
  }

  @Test
  func `Damaged entropy-coded data of a JPEG are an error, not a half grey picture`() throws {
    var bytes = try Fixture.picture("restart.jpg")
    // The first scan's data begin behind SOS; a marker that does not belong there ends them.
    let start =
      try #require(bytes.indices.first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDA }) + 20
    bytes.replaceSubrange(start..<start + 2, with: [0xFF, 0xD5])
    let error = #expect(throws: ImageError.self) { try Self.decoder.decode(bytes) }
    guard case .corrupt(.jpeg, let byteOffset, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(start - 20...bytes.count ~= byteOffset)
    #expect(error?.category == .undecodable)
  }

  @Test
  func `Sizes are held against the limits before anything is decoded`() throws {
    var jpeg = try Fixture.picture("baseline-420.jpg")
    let frame = try #require(jpeg.indices.first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
    jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(throws: ImageError.sideTooLong(width: 65_535, height: 65_535, limit: 65_500)) {
      try Self.decoder.decode(jpeg)
    }
    jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0x40, 0x00, 0x40, 0x00])
    let error = #expect(throws: ImageError.self) { try Self.decoder.decode(jpeg) }
    #expect(error == .tooManyPixels(width: 16_384, height: 16_384, limit: 64 << 20))
    #expect(error?.category == .tooLarge)

    var png = try Fixture.picture("rgb-8.png")
    png.replaceSubrange(16..<24, with: [0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF])
    #expect(throws: ImageError.self) { try Self.decoder.header(of: png) }
    png.replaceSubrange(16..<24, with: [0, 0, 0, 0, 0, 0, 0, 5])
    #expect(throws: ImageError.corrupt(.png, byteOffset: 16, detail: "its size is 0 x 5 pixels")) {
      try Self.decoder.header(of: png)
    }
    // Within the limits but a lie: the data end long before the rows do.
    png.replaceSubrange(16..<24, with: [0, 0, 0x10, 0, 0, 0, 0x10, 0])
    #expect(throws: ImageError.self) { try Self.decoder.decode(png) }
  }

  @Test
  func `A picture at the limit is decoded, one pixel more is not`() throws {
    let bytes = try Fixture.picture("grey-8.png")
    let fits = ImageDecoder(limits: ImageLimits(maximumPixels: 19 * 23, maximumSide: 23))
    #expect(try fits.decode(bytes).image.width == 23)
    for limits in [
      ImageLimits(maximumPixels: 19 * 23 - 1), ImageLimits(maximumPixels: 1 << 20, maximumSide: 22),
    ] {
      #expect(throws: ImageError.self) { try ImageDecoder(limits: limits).decode(bytes) }
    }
  }

  /// A grey progressive JPEG of 8 x 8 pixels whose one DC scan is repeated.
  static func manyScans(_ count: Int) -> [UInt8] {
    func segment(_ marker: UInt8, _ payload: [UInt8]) -> [UInt8] {
      [0xFF, marker, UInt8((payload.count + 2) >> 8), UInt8((payload.count + 2) & 0xFF)] + payload
    }
    let quantisation = segment(0xDB, [0] + [UInt8](repeating: 1, count: 64))
    let frame = segment(0xC2, [8, 0, 8, 0, 8, 1, 1, 0x11, 0])
    // One code, a single bit 0, for the difference 0.
    let huffman = segment(0xC4, [0, 1] + [UInt8](repeating: 0, count: 15) + [0])
    let scan = segment(0xDA, [1, 1, 0, 0, 0, 0]) + [0x7F]
    var bytes: [UInt8] = [0xFF, 0xD8]
    bytes += quantisation
    bytes += frame
    bytes += huffman
    for _ in 0..<count { bytes += scan }
    bytes += [0xFF, 0xD9]
    return bytes
  }

  @Test
  func `Scans are counted, since each costs a pass over the picture`() throws {
    let decoded = try Self.decoder.decode(Self.manyScans(100))
    #expect(decoded.image.pixels == [UInt8](repeating: 128, count: 192))
    let error = #expect(throws: ImageError.self) { try Self.decoder.decode(Self.manyScans(101)) }
    #expect(error == .tooManyScans(limit: 100))
    #expect(error?.category == .tooLarge)
  }

  @Test
  func `JPEGs that are not decoded are told apart from damaged ones`() throws {
    let bytes = try Fixture.picture("baseline-420.jpg")
    let frame = try #require(bytes.indices.first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
    for (offset, value, word) in [
      (1, 0xC3, "loss"), (1, 0xC5, "hierarchical"), (4, 12, "12 bits"), (9, 2, "2 colour"),
    ] {
      var changed = bytes
      changed[frame + offset] = UInt8(value)
      let error = #expect(throws: ImageError.self) { try Self.decoder.decode(changed) }
      #expect(error?.category == .unsupportedFormat)
      #expect(error?.description.contains(word) == true)
    }
  }

  @Test(arguments: [
    "lossy.webp", "lossless-alpha.webp", "animation.webp", "rgb-lzw.tif", "rgb-tiles.tif",
    "rgb-planes.tif", "cmyk.tif", "rgb-jpeg.tif", "rgb.bmp", "runs-8.bmp", "palette-4.bmp",
    "plain.gif", "interlaced.gif",
  ])
  func `A file of another format that is cut is an error, or its pixels are all there`(
    name: String
  ) throws {
    guard Fixture.pictureNames.contains(name) else { return }
    let bytes = try Fixture.picture(name)
    let whole = try Self.decoder.decode(bytes).image
    var given = 0
    for count in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 250)) {
      let cut = Array(bytes.prefix(count))
      do throws(ImageError) {
        let decoded = try Self.decoder.decode(cut)
        #expect(decoded.image == whole, "\(count) of \(bytes.count) bytes")
      } catch {
        #expect(!error.description.isEmpty)
      }
      guard let decoded = try? ImageDecoder(acceptsTruncated: true).decode(cut),
        let missing = decoded.warnings.compactMap(\.missingRows).first
      else { continue }
      given += 1
      for y in 0..<whole.height {
        let row = 3 * whole.width * y..<3 * whole.width * (y + 1)
        let shades = decoded.image.pixels[row]
        if missing.contains(y) {
          #expect(shades.allSatisfy { $0 == 128 }, "row \(y) of \(count) bytes")
        } else if name != "lossy.webp" {
          #expect(shades == whole.pixels[row], "row \(y) of \(count) bytes")
        }
      }
    }
    // Rows of an interlaced GIF are whole last, and a TIFF's directory may stand behind its data.
    #expect(given > 0 || name == "interlaced.gif" || name.hasSuffix("tif"))
  }

  @Test
  func `A bomb of each format is refused from its header`() throws {
    // Each states a size beyond the limits, with hardly any data.
    let large: [(String, [(Int, [UInt8])])] = [
      ("lossless.webp", [(21, [0xFF, 0xFF, 0xFF, 0x0F])]),
      ("rgb.bmp", [(18, [0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 0, 0])]),
      ("noise.gif", [(6, [0xFF, 0xFF, 0xFF, 0xFF])]),
    ]
    for (name, changes) in large where Fixture.pictureNames.contains(name) {
      var bytes = try Fixture.picture(name)
      for (offset, values) in changes {
        bytes.replaceSubrange(offset..<offset + values.count, with: values)
      }
      let error = #expect(throws: ImageError.self) { try Self.decoder.header(of: bytes) }
      #expect(error?.category == .tooLarge, "\(name): \(String(describing: error))")
    }
    var tiff = try Fixture.picture("rgb-raw.tif")
    for tag: UInt8 in [0, 1] where Fixture.pictureNames.contains("rgb-raw.tif") {
      let entry = try #require(
        tiff.indices.first {
          tiff[$0...].starts(with: [tag, 1, 4, 0, 1, 0, 0, 0])
            || tiff[$0...].starts(with: [tag, 1, 3, 0, 1, 0, 0, 0])
        })
      tiff.replaceSubrange(entry + 2..<entry + 12, with: [4, 0, 1, 0, 0, 0, 0xFF, 0xFF, 0, 0])
      let error = #expect(throws: ImageError.self) { try Self.decoder.header(of: tiff) }
      #expect(error?.category == .tooLarge)
    }
  }

  @Test
  func `Tiles that share their data, or are much larger than the picture, are refused`() throws {
    guard Fixture.pictureNames.contains("rgb-tiles.tif") else { return }
    var bytes = try Fixture.picture("rgb-tiles.tif")
    let width = try #require(bytes.indices.first { bytes[$0...].starts(with: [0x42, 1, 4, 0]) })
    bytes.replaceSubrange(width + 8..<width + 12, with: [0, 0, 1, 0])
    let height = try #require(bytes.indices.first { bytes[$0...].starts(with: [0x43, 1, 4, 0]) })
    bytes.replaceSubrange(height + 8..<height + 12, with: [0, 0, 1, 0])
    let error = #expect(throws: ImageError.self) { try Self.decoder.decode(bytes) }
    #expect(error?.description.contains("tiles") == true)
  }

  @Test
  func `Pages are found, and one that is not there is named`() throws {
    guard Fixture.pictureNames.contains("pages.tif") else { return }
    let bytes = try Fixture.picture("pages.tif")
    let goldens = try Fixture.pictures.get()
    for page in 1...2 {
      let decoded = try ImageDecoder(page: page).decode(bytes)
      #expect(decoded.header.pageCount == 3)
      #expect(try decoded.image.pixels == goldens.uint8("pages.tif/\(page)"))
    }
    #expect(throws: ImageError.noSuchPage(4, count: 3)) { try ImageDecoder(page: 3).decode(bytes) }
    #expect(throws: ImageError.noSuchPage(2, count: 1)) {
      try ImageDecoder(page: 1).decode(Fixture.picture("grey.jpg"))
    }
  }

  @Test
  func `Other formats are refused by name`() {
    let samples: [(String, [UInt8], UnknownFormat)] = [
      ("HEIC", [0, 0, 0, 24] + Array("ftypheic".utf8) + [0, 0], .heic),
      ("AVIF", [0, 0, 0, 24] + Array("ftypavif".utf8) + [0, 0], .avif),
      ("PDF", Array("%PDF-1.7\n".utf8), .pdf),
      ("ZIP", [0x50, 0x4B, 3, 4, 20, 0], .zip),
      ("HTML", Array("\n <!DOCTYPE html><html>".utf8), .html),
      ("SVG", Array("<?xml version='1.0'?><svg/>".utf8), .svg),
      ("JSON", Array(#"{"image": 1}"#.utf8), .json),
      ("base64", Array("/9j/4AAQSkZJRg".utf8), .base64),
      ("base64", Array("data:image/png;base64,iVBORw0KGgo".utf8), .base64),
      ("text", Array("not a picture".utf8), .text),
      ("no format", [0, 1, 2, 3, 0xFE], .unrecognised),
    ]
    for (word, bytes, format) in samples {
      let error = #expect(throws: ImageError.self) { try Self.decoder.decode(bytes) }
      #expect(error == .unknownFormat(format))
      #expect(error?.category == .unsupportedFormat)
      #expect(error?.description.contains(word) == true)
    }
    #expect(throws: ImageError.empty) { try Self.decoder.decode([UInt8]()) }
  }

  @Test
  func `Compressed text and extra picture data in a PNG are not inflated`() throws {
    let bytes = try Fixture.picture("gamma.png")
    // The stored profile's compressed data are cut to nonsense but carry a right checksum: a decoder
    // that inflated them would complain.
    let name = try #require(bytes.indices.first { bytes[$0...].starts(with: Array("iCCP".utf8)) })
    let length = bytes[name - 4..<name].reduce(0) { $0 << 8 | Int($1) }
    var changed = bytes
    for index in name + 7..<name + 4 + length { changed[index] = 0xFF }
    let checksum = Self.checksum(changed[name..<name + 4 + length])
    for index in 0..<4 {
      changed[name + 4 + length + index] = UInt8(truncatingIfNeeded: checksum >> (24 - 8 * index))
    }
    #expect(try Self.decoder.decode(changed).image == Self.decoder.decode(bytes).image)
  }

  /// CRC-32 as PNG's annex D defines it.
  static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { crc, byte in
      (0..<8).reduce(crc ^ UInt32(byte)) { value, _ in
        value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0)
      }
    }
  }
}
