import Checkpoints
import Compute
import Detection
import Foundation
import Images
import Tensors
import Testing

@testable import FasterRCNN

/// The stages of a detector: what they take of memory, and what they do with numbers that are none.
@Suite(.serialized) struct StageTests {
  private static let file = "simple-faster-rcnn.safetensors"

  @Test func headRowsAreStepsThatDoNotDependOnARequest() {
    // 7 x 7 x 512 numbers; 64 MiB hold 668 of them.
    let rows = HeadRows(rowByteCount: 100_352)
    #expect([0, 1, 25, 26, 50, 75].map(rows.count) == [25, 25, 25, 50, 50, 75])
    #expect([76, 150, 299, 300].map(rows.count) == [150, 150, 300, 300])
    #expect([301, 400, 401, 600, 601, 100_000].map(rows.count) == [400, 400, 500, 600, 600, 600])
    // 14 x 14 x 1024 numbers, of which 1,000 would be 803 MB.
    let wide = HeadRows(rowByteCount: 802_816)
    #expect([1, 300, 1_000].map(wide.count) == [25, 75, 75])
    #expect(wide.limit * 802_816 <= HeadRows.byteLimit)
    // However wide, one step is taken.
    #expect(HeadRows(rowByteCount: 1 << 40).limit == 75)
  }

  @Test func aHeadThatRunsInChunksSaysWhatOneRunSays() throws {
    let image = try Golden.image("portrait_487x331")
    let whole = try Detector(model: .open(Golden.path(Self.file)))
    var options = Detector.Options()
    options.headByteLimit = 1
    let chunked = try Detector(model: .open(Golden.path(Self.file)), options: options)
    let wanted = try whole.detect(.image(image))
    let found = try chunked.detect(.image(image))
    #expect(found.proposals == wanted.proposals && wanted.proposals.count > 150)
    let left = ExpectedObject.pair(
      wanted.objects.map { ExpectedObject(box: $0.box, classID: $0.classID, score: $0.score) },
      with: found.objects, distance: 1e-3, difference: 1e-5)
    // Matrix products of another number of rows may add in another order.
    #expect(left.missing == [] && left.surplus == [])
  }

  @Test func requestsForDifferentNumbersOfProposalsShareAPlan() throws {
    let image = try Golden.image("portrait_487x331")
    let detector = try Detector(model: .open(Golden.path(Self.file)))
    var parameters = DetectionParameters()
    for count in [20, 21, 33, 50, 74] {
      parameters.proposalCountAfterNMS = count
      #expect(
        try detector.detect(.image(image), parameters: parameters).proposals.count == count)
    }
    // One for the picture, and three for heads of 25, 50 and 75 rows.
    #expect(detector.planCache.misses == 4)
  }

  /// The fixture with one tensor's numbers all the same.
  private static func model(_ name: String, filledWith value: Float) throws -> Model {
    var state = try Checkpoint.open(Golden.path(file)).stateDictionary
    let tensor = try #require(state[name])
    let values = [Float](repeating: value, count: tensor.shape.count)
    let bytes = unsafe values.withUnsafeBytes { unsafe [UInt8]($0) }
    state[name] = StoredTensor(
      elementType: .float32, shape: tensor.shape, storage: ByteStorage(copying: bytes),
      byteOffset: 0)
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("stages-\(UUID().uuidString).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(SafetensorsWriter(state).bytes()).write(to: URL(fileURLWithPath: path))
    return try Model.open(path)
  }

  /// Finite weights, so that the file is taken, whose sums are beyond float32 everywhere.
  @Test(arguments: ["rpn.conv1.weight", "head.score.weight", "head.cls_loc.weight"])
  func outputsThatAreNotFiniteAreAnErrorAndNotAnEmptyAnswer(name: String) throws {
    let detector = try Detector(model: Self.model(name, filledWith: 3e38))
    let image = try Golden.image("portrait_487x331")
    #expect {
      _ = try detector.detect(.image(image))
    } throws: { error in
      if case .notFinite? = error as? DetectorError { true } else { false }
    }
    // The caller who asks for proposals alone has no use for the head.
    if name.hasPrefix("head") {
      var parameters = DetectionParameters()
      parameters.findsObjects = false
      #expect(try !detector.detect(.image(image), parameters: parameters).proposals.isEmpty)
    }
  }

  @Test func aCalibrationGoesAwayWithItsDetector() throws {
    weak var detector: Detector?
    do {
      let calibration = try Calibration(model: .embedded())
      detector = calibration.detector
      try calibration.observe(try BloodCellTests.example())
      #expect(!calibration.ranges(share: 0.999).isEmpty)
    }
    // The compute thread lets go of what it ran a moment after its caller goes on.
    let deadline = ContinuousClock.now + .seconds(60)
    while detector != nil, ContinuousClock.now < deadline { Thread.sleep(forTimeInterval: 0.01) }
    #expect(detector == nil)
  }

  @Test func featuresOfAnotherNumberOfMapsAreRefused() throws {
    let detector = try Detector(model: .open(Golden.path(Self.file)))
    let map = Tensor(shape: [1, 1, 1], values: [0])
    for levels in [[], [map, map]] {
      let features = FeatureMap(
        levels: levels, imageSize: PictureSize(height: 64, width: 64), yScale: 1)
      #expect {
        _ = try detector.detect(.features(features))
      } throws: { error in
        guard case .features(let reason)? = error as? DetectorError else { return false }
        return reason.contains("this model has 1")
      }
    }
  }
}
