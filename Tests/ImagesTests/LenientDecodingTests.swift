import Testing

@testable import Images

/// Files that are not as they should be: answered where every pixel is there, refused where one is not.
struct LenientDecodingTests {
  /// What `scripts/fixtures/pictures.py` wrote with the pixels of the undamaged twin, and what is said of
  /// each; docs/pictures.md has what Pillow and OpenCV make of them.
  static let odd: [(name: String, warnings: [ImageWarning.Code])] = [
    ("filler-before-restart.jpg", [.extraneousBytes]),
    // One byte is less than what the library reads ahead, and fill bytes are allowed (T.81, B.1.1.2).
    ("filler-before-restarts.jpg", []),
    ("scan-parameters-zero.jpg", [.scanParameters]),
    ("scan-parameters-odd.jpg", [.scanParameters]),
    ("no-end.jpg", [.missingEnd]),
    ("no-end-progressive.jpg", [.missingEnd]),
    ("no-end-trailer.jpg", [.extraneousBytes, .missingEnd]),
    ("no-end-trailer-progressive.jpg", [.extraneousBytes, .missingEnd]),
    ("padding-before-comment.jpg", [.extraneousBytes]),
    ("padding-progressive.jpg", [.extraneousBytes]),
    ("restarts-before-end.jpg", [.extraneousBytes]),
    ("line-break-before.jpg", [.leadingBytes]),
    ("part-head-before.jpg", [.leadingBytes]),
    ("profile-checksum.png", [.checksum]),
    ("text-checksum-behind.png", [.checksum]),
    ("no-end.png", [.missingEnd]),
    ("half-end.png", [.missingEnd]),
    ("byte-order-mark-before.png", [.leadingBytes]),
  ]

  @Test(arguments: odd)
  func `An odd file whose pixels are all there is answered, with a warning`(
    name: String, warnings: [ImageWarning.Code]
  ) throws {
    let decoded = try ImageDecoder().decode(Fixture.bytes("odd/" + name))
    #expect(try decoded.image.pixels == Fixture.pictures.get().uint8("odd/" + name))
    #expect(decoded.warnings.map(\.code) == warnings)
  }

  @Test(arguments: ["baseline-444.jpg", "progressive-420.jpg", "rgb-8.png", "palette-4.png"])
  func `A sound file has no warnings`(name: String) throws {
    #expect(try ImageDecoder().decode(Fixture.picture(name)).warnings.isEmpty)
  }

  static let cut = [
    "baseline-444.jpg", "baseline-420.jpg", "grey.jpg", "restart.jpg", "cmyk-adobe.jpg",
    "orientation-6.jpg", "rgb-8.png", "rgba-16.png", "grey-16.png", "palette-4.png",
    "rgb-8-interlaced.png",
    "rgba-8-interlaced.png",
  ]

  @Test(arguments: cut)
  func `Of a file that is cut, the whole rows are given on request and the others named`(
    name: String
  ) throws {
    let bytes = try Fixture.picture(name)
    let whole = try ImageDecoder(appliesOrientation: false).decode(bytes).image
    let decoder = ImageDecoder(appliesOrientation: false, acceptsTruncated: true)
    var found: Set<Int> = []
    for count in stride(from: 20, to: HostilePictureTests.endOfPixels(of: bytes), by: 1) {
      let decoded: DecodedImage
      do {
        decoded = try decoder.decode(Array(bytes.prefix(count)))
      } catch {
        guard case .truncated = error else {
          Issue.record("\(count) of \(bytes.count) bytes: \(error)")
          continue
        }
        continue
      }
      let rows = try #require(decoded.warnings.first?.missingRows, "\(count) bytes")
      #expect(decoded.warnings.map(\.code).contains(.truncated))
      #expect(rows.upperBound == 19)
      found.insert(rows.lowerBound)
      let kept = 3 * 23 * rows.lowerBound
      #expect(decoded.image.pixels[..<kept] == whole.pixels[..<kept], "\(count) bytes")
      #expect(
        decoded.image.pixels[kept...].allSatisfy { $0 == 128 },
        "\(count) of \(bytes.count) bytes, \(rows)")
    }
    #expect(!found.isEmpty)
    // An MCU of a JPEG is 8 or 16 rows; a PNG's rows come one by one, interlaced ones two by two, and
    // several at once where they are short.
    if name.hasPrefix("rgb"), name.hasSuffix("png") {
      #expect(found.isSuperset(of: name.contains("interlaced") ? [3, 11, 17] : [1, 10, 18]))
    }
  }

  @Test
  func `A progressive file that is cut is given as fine as it came`() throws {
    let bytes = try Fixture.picture("progressive-420.jpg")
    let whole = try ImageDecoder().decode(bytes).image
    let scans = bytes.indices.filter { bytes[$0...].starts(with: [0xFF, 0xDA]) }
    let last = try #require(scans.last)
    let cut = Array(bytes[..<(last + 14)])
    #expect(throws: ImageError.self) { try ImageDecoder().decode(cut) }
    let decoded = try ImageDecoder(acceptsTruncated: true).decode(cut)
    #expect(decoded.warnings.first?.missingRows != nil)
    let differences = zip(decoded.image.pixels, whole.pixels).map { abs(Int($0) - Int($1)) }
    #expect(differences.max() ?? 0 > 0)
    #expect(Double(differences.reduce(0, +)) / Double(differences.count) < 6)
  }

  @Test
  func `A file that ends between two scans is cut, though no data are torn`() throws {
    let bytes = try Fixture.picture("progressive-444.jpg")
    let scans = bytes.indices.filter { bytes[$0...].starts(with: [0xFF, 0xDA]) }
    for scan in scans.dropFirst() {
      let error = #expect(throws: ImageError.self) {
        try ImageDecoder().decode(Array(bytes[..<scan]))
      }
      guard case .truncated = error else {
        Issue.record("\(scan): \(String(describing: error))")
        continue
      }
    }
  }

  @Test
  func `What stands before a picture is not searched without end, nor in other formats`() throws {
    let picture = try Fixture.picture("grey.jpg")
    let far = [UInt8](repeating: 10, count: 4096) + picture
    #expect(throws: ImageError.self) { try ImageDecoder().decode(far) }
    let archive: [UInt8] = [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 26) + picture
    #expect(throws: ImageError.unknownFormat(.zip)) { try ImageDecoder().decode(archive) }
  }
}
