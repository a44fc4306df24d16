import Checkpoints
import Tensors
import Testing

/// Caffe's protocol buffers, put together field by field as caffe.proto has them.
@Suite struct CaffeModelTests {
  private static func varint(_ value: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(value & 0x7F | 0x80))
      value >>= 7
    }
    return bytes + [UInt8(value)]
  }

  private static func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(bytes.count) + bytes
  }

  private static func field(_ number: Int, _ value: Int) -> [UInt8] {
    varint(number << 3) + varint(value)
  }

  private static func floats(_ values: [Float]) -> [UInt8] {
    values.flatMap { $0.bitPattern.littleEndianBytes }
  }

  /// A blob of today: a shape of packed extents, packed floats.
  private static func blob(_ shape: [Int], _ values: [Float]) -> [UInt8] {
    field(7, field(1, shape.flatMap(varint))) + field(5, floats(values))
  }

  /// A blob of 2014: four extents, a float a field.
  private static func oldBlob(_ shape: [Int], _ values: [Float]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (index, extent) in shape.enumerated() { bytes += field(index + 1, extent) }
    for value in values { bytes += varint(5 << 3 | 5) + floats([value]) }
    return bytes
  }

  private static func layer(_ name: String, _ blobs: [[UInt8]]) -> [UInt8] {
    field(
      100,
      field(1, Array(name.utf8)) + field(2, Array("Convolution".utf8))
        + blobs.flatMap { field(7, $0) })
  }

  private static func oldLayer(_ name: String, _ blobs: [[UInt8]]) -> [UInt8] {
    field(2, field(4, Array(name.utf8)) + field(5, 4) + blobs.flatMap { field(6, $0) })
  }

  private static let name = field(1, Array("net".utf8))

  @Test func layersOfTodayAreRead() throws {
    let file =
      Self.name
      + Self.layer(
        "rpn_conv/3x3",
        [
          Self.blob([2, 1, 1, 1], [1, -2]), Self.blob([2], [0.5, 0.25]), Self.blob([1], [7]),
        ]) + Self.layer("relu", [])
    let checkpoint = try Checkpoint(contentsOf: ByteStorage(copying: file))
    #expect(checkpoint.format == .caffeModel)
    let state = checkpoint.stateDictionary
    #expect(state.names == ["rpn_conv/3x3.weight", "rpn_conv/3x3.bias", "rpn_conv/3x3.blob2"])
    #expect(state["rpn_conv/3x3.weight"]?.shape == [2, 1, 1, 1])
    #expect(state["rpn_conv/3x3.weight"]?.float32Values() == [1, -2])
    #expect(state["rpn_conv/3x3.bias"]?.float32Values() == [0.5, 0.25])
  }

  @Test func layersOf2014AreRead() throws {
    let file =
      Self.name
      + Self.oldLayer(
        "fc6",
        [
          Self.oldBlob([1, 1, 2, 2], [1, 2, 3, 4]), Self.oldBlob([1, 1, 1, 2], [5, 6]),
        ])
    let state = try Checkpoint(contentsOf: ByteStorage(copying: file)).stateDictionary
    #expect(state["fc6.weight"]?.shape == [1, 1, 2, 2])
    #expect(state["fc6.weight"]?.float32Values() == [1, 2, 3, 4])
    #expect(state["fc6.bias"]?.float32Values() == [5, 6])
  }

  @Test func packedFloatsAreViewsOfTheFile() throws {
    let storage = ByteStorage(
      copying: Self.name + Self.layer("a", [Self.blob([3], [1, 2, 3])]))
    let state = try Checkpoint(contentsOf: storage).stateDictionary
    #expect(state["a.weight"]?.storage === storage)
  }

  @Test func extentsThatDoNotFitTheFloatsAreRefused() {
    let file = Self.name + Self.layer("a", [Self.blob([4], [1, 2, 3])])
    let error = readingError(file)
    #expect(error?.reason == .sizeMismatch(needed: 16, found: 12))
    #expect(error?.tensorName == "a.weight")
  }

  @Test func hugeExtentsAreRefused() {
    let file = Self.name + Self.layer("a", [Self.blob([1 << 40, 1 << 40], [1])])
    guard case .invalidShape = readingError(file)?.reason else {
      Issue.record("\(String(describing: readingError(file)))")
      return
    }
  }

  @Test func aFileThatEndsEarlyIsToldSo() {
    let file =
      Self.name + Self.layer("a", [Self.blob([3], [1, 2, 3])])
      + Self.layer("b", [Self.blob([3], [1, 2, 3])])
    guard case .truncated = readingError(Array(file.dropLast(5)))?.reason else {
      Issue.record("\(String(describing: readingError(Array(file.dropLast(5)))))")
      return
    }
  }

  @Test func aNameGivenTwiceIsRefused() {
    let layer = Self.layer("a", [Self.blob([1], [1])])
    #expect(readingError(Self.name + layer + layer)?.reason == .duplicateName)
  }
}
