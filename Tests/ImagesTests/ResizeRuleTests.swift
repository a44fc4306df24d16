import Foundation
import Tensors
import Testing

@testable import Images

struct ResizeRuleTests {
  /// One size that a family's library gave, as sizes.json lists it.
  struct Case: Decodable {
    var rule: ResizeRule
    var height, width, resizedHeight, resizedWidth: Int
    var scale: Double

    init(from decoder: any Decoder) throws {
      var values = try decoder.unkeyedContainer()
      let name = try values.decode(String.self)
      let minimum = try values.decode(Int.self)
      let maximum = try values.decodeIfPresent(Int.self)
      rule = try #require(ResizeRule(named: name, minimum, maximum), "\(name)")
      height = try values.decode(Int.self)
      width = try values.decode(Int.self)
      resizedHeight = try values.decode(Int.self)
      resizedWidth = try values.decode(Int.self)
      scale = try values.decode(Double.self)
    }
  }

  struct Cases: Decodable { var cases: [Case] }

  @Test
  func `Sizes and scales are the families' own, also where a side falls on a half`() throws {
    let file = try Data(Fixture.bytes("sizes.json"))
    let cases = try JSONDecoder().decode(Cases.self, from: file).cases
    #expect(cases.count > 500)
    for expected in cases {
      guard let resizing = try Self.resizing(expected) else {
        #expect(
          expected.resizedHeight * expected.resizedWidth == 0
            || expected.resizedHeight * expected.resizedWidth > 16 << 20)
        continue
      }
      #expect(
        resizing.size
          == PictureSize(height: expected.resizedHeight, width: expected.resizedWidth),
        "\(expected)")
      #expect(abs(resizing.scale - expected.scale) <= 1e-15 * expected.scale, "\(expected)")
    }
  }

  /// What the rule gives; `nil` where it refuses the shape.
  static func resizing(_ expected: Case) throws(ImageError) -> Resizing? {
    do throws(ImageError) {
      return try expected.rule.resizing(
        PictureSize(height: expected.height, width: expected.width))
    } catch {
      guard case .unusableShape = error else { throw error }
      return nil
    }
  }

  @Test
  func `Extreme shapes are refused instead of resized to nothing or to gigabytes`() {
    let capped = ResizeRule.chainerCV(600, 1000)
    #expect(throws: ImageError.self) { try capped.resizing(PictureSize(height: 1, width: 60_000)) }
    let free = ResizeRule.bubbliiiing(600, nil)
    #expect(throws: ImageError.self) { try free.resizing(PictureSize(height: 60_000, width: 1)) }
    for name in ResizeRule.names {
      for side in [1, 2, 600, 65_500] {
        for other in [1, 2, 600, 65_500] {
          guard let rule = ResizeRule(named: name, 600, nil),
            let size = try? rule.resizing(PictureSize(height: side, width: other)).size
          else { continue }
          #expect(size.height >= 1 && size.width >= 1 && size.pixelCount <= 16 << 20)
        }
      }
    }
  }
}

/// The rules of the libraries and projects whose sizes sizes.json lists.
extension ResizeRule {
  static let names = [
    "skimage", "chainerCV", "bubbliiiing", "openCV", "detectron2", "torchvision", "torchscript",
    "mmcv",
  ]

  init?(named name: String, _ minimum: Int, _ maximum: Int?) {
    switch name {
    case "skimage": self = .skimage(minimum, maximum)
    case "chainerCV": self = .chainerCV(minimum, maximum)
    case "bubbliiiing": self = .bubbliiiing(minimum, maximum)
    case "openCV":
      self.init(
        minimumSide: minimum, maximumSide: maximum, rounding: .halfEven,
        cap: .whereRoundedSideExceeds, reportedScale: .samplingFactor)
    case "detectron2":
      self.init(
        minimumSide: minimum, maximumSide: maximum, rounding: .halfUp, cap: .secondFactor,
        shorterSide: .exact)
    case "torchvision":
      self.init(minimumSide: minimum, maximumSide: maximum, rounding: .down)
    case "torchscript":
      self.init(minimumSide: minimum, maximumSide: maximum, rounding: .torchScript)
    case "mmcv": self.init(minimumSide: minimum, maximumSide: maximum, rounding: .halfUp)
    default: return nil
    }
  }

  static func skimage(_ minimum: Int, _ maximum: Int?) -> ResizeRule {
    ResizeRule(
      minimumSide: minimum, maximumSide: maximum, rounding: .halfEven, shorterSide: .zoomed,
      reportedScale: .widthRatio)
  }

  static func chainerCV(_ minimum: Int, _ maximum: Int?) -> ResizeRule {
    ResizeRule(
      minimumSide: minimum, maximumSide: maximum, rounding: .down, cap: .whereSideExceeds,
      reportedScale: .widthRatio)
  }

  static func bubbliiiing(_ minimum: Int, _ maximum: Int?) -> ResizeRule {
    ResizeRule(
      minimumSide: minimum, maximumSide: maximum, rounding: .down, shorterSide: .exact,
      reportedScale: .uncappedFactor)
  }
}
