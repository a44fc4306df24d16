import Tensors
import Testing

@testable import Images

struct PreprocessingTests {
  /// Each result in resampling.safetensors: method, source and result size.
  struct Sample: CustomTestStringConvertible {
    var key: String
    var method: Preprocessing.Interpolation
    var source: String
    var testDescription: String { key }
  }

  static let samples: [Sample] =
    (try? (Fixture.resampling.get().names + Fixture.byteResampling.get().names).compactMap { key in
      let parts = key.split(separator: ".").map(String.init)
      return Preprocessing.Interpolation(rawValue: parts[0]).map {
        Sample(key: key, method: $0, source: parts[1])
      }
    }) ?? []

  static func source(_ name: String) throws -> Image {
    let common = try Fixture.resampling.get()
    let goldens =
      try common.contains("source." + name) ? common : Fixture.byteResampling.get()
    let shape = try goldens.shape("source." + name)
    return try Image(width: shape[1], height: shape[0], pixels: goldens.uint8("source." + name))
  }

  /// How far from the reference a value may be, in the unit of the result.
  static func tolerance(_ method: Preprocessing.Interpolation) -> Float {
    switch method {
    // Values of 0 to 1. scipy sums in float64 and rounds once; here each pass rounds to float32.
    case .skimageLinear: 5e-7
    // Values of 0 to 1; PyTorch sums in float32 in another order, and a compiler may have fused the
    // multiplication and subtraction of a position (up to 97 here), which moves it by 4e-6.
    case .torchBilinear: 4e-6
    // Values of 0 to 255, so one unit in the last place is 1.5e-5; two passes of float32.
    case .openCVLinear, .pillowBilinearFloat: 6e-5
    // Bytes: the same bit for bit.
    case .pillowBilinear, .pillowBicubic, .openCVLinearBytes: 0
    }
  }

  static func divisor(_ method: Preprocessing.Interpolation) -> Float {
    method == .skimageLinear || method == .torchBilinear ? 255 : 1
  }

  @Test
  func `The samples are all there`() {
    #expect(Self.samples.count == 6 * 15 - 3 * 3 + 18)
  }

  @Test(arguments: samples)
  func `Resizing gives the numbers of the family's library`(sample: Sample) throws {
    let goldens =
      try sample.method == .openCVLinearBytes
      ? Fixture.byteResampling.get() : Fixture.resampling.get()
    let shape = try goldens.shape(sample.key)
    let size = Resizing(PictureSize(height: shape[1], width: shape[2]), scale: 1)
    let preprocessing = Preprocessing(
      interpolation: sample.method, divisor: Self.divisor(sample.method))
    let values = try preprocessing.values(of: Self.source(sample.source), resizedTo: size)
    let difference = try largestDifference(values, goldens.values(sample.key))
    #expect(difference <= Self.tolerance(sample.method))
  }

  @Test
  func `OpenCV's factors are sampled by, whatever the size is rounded to`() throws {
    let goldens = try Fixture.resampling.get()
    let keys = goldens.names.filter { $0.hasPrefix("openCVScaled") }
    #expect(keys.count == 18)
    for key in keys {
      let parts = key.split(separator: ".", maxSplits: 2).map(String.init)
      let scale = try #require(Double(parts[2]))
      let shape = try goldens.shape(key)
      let size = Resizing(
        PictureSize(height: shape[1], width: shape[2]), scale: scale, samplingScale: scale)
      let values = try Preprocessing(interpolation: .openCVLinear, divisor: 1)
        .values(of: Self.source(parts[1]), resizedTo: size)
      let difference = try largestDifference(values, goldens.float32(key))
      #expect(difference <= Self.tolerance(.openCVLinear), "\(key)")
    }
  }

  @Test
  func `A picture of the right size is only normalised, exactly`() throws {
    let image = try Self.source("13x19")
    let mean = SIMD3<Float>(0.485, 0.456, 0.406)
    let deviation = SIMD3<Float>(0.229, 0.224, 0.225)
    for interpolation in Preprocessing.Interpolation.allCases {
      let values = Preprocessing(
        interpolation: interpolation, mean: mean, standardDeviation: deviation
      ).values(of: image, resizedTo: Resizing(image.size, scale: 1))
      for index in values.indices {
        let (channel, pixel) = index.quotientAndRemainder(dividingBy: 13 * 19)
        let sample = Float(image.pixels[3 * pixel + channel])
        #expect(values[index] == (sample / 255 - mean[channel]) / deviation[channel])
      }
    }
  }

  @Test(arguments: Preprocessing.Interpolation.allCases)
  func `Layout and channel order only move values`(
    interpolation: Preprocessing.Interpolation
  ) throws {
    let image = try Self.source("13x19")
    for (height, width) in [(13, 19), (29, 41), (7, 5), (13, 30), (20, 19)] {
      let size = Resizing(PictureSize(height: height, width: width), scale: 1)
      let rgb = Preprocessing(
        interpolation: interpolation, mean: [0.1, 0.2, 0.3], standardDeviation: [1, 2, 3])
      let bgr = Preprocessing(
        interpolation: interpolation, channelOrder: .bgr, mean: [0.3, 0.2, 0.1],
        standardDeviation: [3, 2, 1])
      let planar = rgb.values(of: image, resizedTo: size)
      let interleaved = rgb.values(
        of: image, resizedTo: size,
        layout: ChannelLayout(channelCount: 3, height: height, width: width, channelBlock: 3))
      let reversed = bgr.values(of: image, resizedTo: size)
      let count = height * width
      for pixel in 0..<count {
        for channel in 0..<3 {
          #expect(interleaved[3 * pixel + channel] == planar[channel * count + pixel])
          #expect(reversed[(2 - channel) * count + pixel] == planar[channel * count + pixel])
        }
      }
    }
  }

  @Test(arguments: Preprocessing.Interpolation.allCases, [1, 3])
  func `Padding is zero, at the right and below, and moves nothing`(
    interpolation: Preprocessing.Interpolation, channelBlock: Int
  ) throws {
    let image = try Self.source("13x19")
    let preprocessing = Preprocessing(interpolation: interpolation, mean: [0.1, 0.2, 0.3])
    for (size, padded) in [
      (PictureSize(height: 13, width: 19), PictureSize(height: 32, width: 32)),
      (PictureSize(height: 20, width: 32), PictureSize(height: 32, width: 32)),
      (PictureSize(height: 7, width: 9), PictureSize(height: 7, width: 16)),
    ] {
      let whole = ChannelLayout(
        channelCount: 3, height: padded.height, width: padded.width, channelBlock: channelBlock)
      let part = ChannelLayout(channelCount: 3, height: size.height, width: size.width)
      let resizing = Resizing(size, scale: 1)
      let values = preprocessing.values(of: image, resizedTo: resizing, layout: whole)
      let expected = preprocessing.values(of: image, resizedTo: resizing, layout: part)
      #expect(values.count == 3 * padded.pixelCount)
      for channel in 0..<3 {
        for y in 0..<padded.height {
          for x in 0..<padded.width {
            let value = values[whole.offset(image: 0, channel: channel, y: y, x: x)]
            let isInside = y < size.height && x < size.width
            #expect(
              value
                == (isInside ? expected[part.offset(image: 0, channel: channel, y: y, x: x)] : 0))
          }
        }
      }
    }
  }

  /// What each family does to a picture, and how far its rows may be off.
  struct Family: CustomTestStringConvertible {
    var name: String
    var rule: ResizeRule
    var preprocessing: Preprocessing
    var tolerance: Float
    var testDescription: String { name }
  }

  static let families = [
    // Values of about -2.1 to 2.6 after division by 0.22.
    Family(
      name: "simple-faster-rcnn",
      rule: .skimage(600, 1000),
      preprocessing: Preprocessing(
        interpolation: .skimageLinear, mean: [0.485, 0.456, 0.406],
        standardDeviation: [0.229, 0.224, 0.225]), tolerance: 2e-6),
    // Bytes, divided by 255: the same bit for bit.
    Family(
      name: "bubbliiiing-vgg",
      rule: .bubbliiiing(600, nil),
      preprocessing: Preprocessing(interpolation: .pillowBicubic), tolerance: 0),
    // Values of -123 to 152, where a unit in the last place is up to 1.5e-5.
    Family(
      name: "chainercv",
      rule: .chainerCV(600, 1000),
      preprocessing: Preprocessing(
        interpolation: .pillowBilinearFloat, divisor: 1, mean: [122.7717, 115.9465, 102.9801]),
      tolerance: 5e-5),
  ]

  @Test(arguments: families, ["portrait_487x331", "wide_375x1100"])
  func `The network's input is what the family's own code makes of a file`(
    family: Family, name: String
  ) throws {
    let goldens = try Fixture.networkInputs.get()
    let image = try ImageDecoder().decode(Fixture.drawn(name + ".png")).image
    let resizing = try family.rule.resizing(image.size)
    let size = resizing.size
    let key = "\(family.name).\(name)"
    if goldens.contains(key + ".shape") {
      #expect(try goldens.int64(key + ".shape") == [3, size.height, size.width])
    }
    let values = family.preprocessing.values(of: image, resizedTo: resizing)
    var rows: [Float] = []
    for channel in 0..<3 {
      for row in [0, 100, size.height - 1] {
        let start = (channel * size.height + row) * size.width
        rows += values[start..<start + size.width]
      }
    }
    #expect(try largestDifference(rows, goldens.float32(key)) <= family.tolerance)
  }
}
