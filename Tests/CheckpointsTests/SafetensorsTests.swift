import Checkpoints
import Tensors
import Testing

@Suite struct SafetensorsTests {
  /// A file of a header and some zero bytes.
  private func file(_ header: String, dataCount: Int = 0) -> [UInt8] {
    let text = Array(header.utf8)
    return UInt64(text.count).littleEndianBytes + text + [UInt8](repeating: 0, count: dataCount)
  }

  private func read(_ bytes: [UInt8]) throws -> StateDictionary {
    try Checkpoint(contentsOf: ByteStorage(copying: bytes), as: .safetensors).stateDictionary
  }

  private func reason(_ header: String, dataCount: Int = 0) -> CheckpointError.Reason? {
    readingError(file(header, dataCount: dataCount), as: .safetensors)?.reason
  }

  @Test func readsTensorsAndMetadata() throws {
    var bytes = file(
      """
      {"__metadata__":{"format":"pt","a\\"b":"\\u00e9\\ud83d\\ude00\\n"},
       "w": {"shape": [ 2, 1 ], "dtype": "F32", "data_offsets": [4, 12]},
       "b": {"dtype":"U8","data_offsets":[0,4],"shape":[4]},
       "s": {"dtype":"I64","shape":[],"data_offsets":[12,20]},
       "e": {"dtype":"F16","shape":[0,3],"data_offsets":[12,12]}} \n
      """)
    bytes += [1, 2, 3, 4, 0, 0, 128, 63, 0, 0, 0, 64, 7, 0, 0, 0, 0, 0, 0, 0]
    let dictionary = try read(bytes)
    #expect(dictionary.names == ["b", "w", "e", "s"])
    #expect(dictionary.metadata == ["format": "pt", "a\"b": "é😀\n"])
    #expect(dictionary["w"]?.float32Values() == [1, 2])
    #expect(dictionary["w"]?.shape == [2, 1])
    #expect(dictionary["b"]?.float32Values() == [1, 2, 3, 4])
    #expect(dictionary["s"]?.float32Values() == [7])
    #expect(dictionary["s"]?.elementType == .int64)
    #expect(dictionary["e"]?.shape == [0, 3])
  }

  @Test(arguments: [
    ("BOOL", ElementType.bool), ("U8", .uint8), ("I8", .int8), ("F8_E4M3", .float8e4m3fn),
    ("F8_E5M2", .float8e5m2), ("F8_E8M0", .float8e8m0fnu), ("F8_E4M3FNUZ", .float8e4m3fnuz),
    ("F8_E5M2FNUZ", .float8e5m2fnuz), ("I16", .int16), ("U16", .uint16), ("F16", .float16),
    ("BF16", .bfloat16), ("I32", .int32), ("U32", .uint32), ("F32", .float32), ("I64", .int64),
    ("U64", .uint64), ("F64", .float64),
  ])
  func readsEveryType(_ name: String, _ type: ElementType) throws {
    let size = type.byteCount * 3
    let header = #"{"x":{"dtype":"\#(name)","shape":[3],"data_offsets":[0,\#(size)]}}"#
    let tensor = try read(file(header, dataCount: size))["x"]
    #expect(tensor?.elementType == type)
    #expect(tensor?.shape == [3])
  }

  @Test(arguments: ["F4", "F6_E2M3", "C64", "f32", ""])
  func namesATypeThatIsNotRead(_ name: String) {
    let header = #"{"x":{"dtype":"\#(name)","shape":[0],"data_offsets":[0,0]}}"#
    let error = readingError(file(header), as: .safetensors)
    #expect(error?.reason == .unsupportedElementType(name))
    #expect(error?.tensorName == "x")
  }

  @Test func aHeaderWithoutTensorsIsAnEmptyDictionary() throws {
    #expect(try read(file("{}")).count == 0)
  }

  @Test func tensorsNeedNoAlignment() throws {
    let header = """
      {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},\
      "b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}
      """
    #expect(try read(file(header) + [9, 0, 0, 128, 63])["b"]?.float32Values() == [1])
  }

  @Test func theHeadersLengthIsBounded() {
    for length in [100_000_001, UInt64(Int.max), .max] {
      #expect(
        readingError(length.littleEndianBytes, as: .safetensors)?.reason
          == .limitExceeded(what: "the header's length", value: length, limit: 100_000_000))
    }
    #expect(
      readingError(UInt64(100_000_000).littleEndianBytes, as: .safetensors)?.reason
        == .truncated(what: "the header", needed: 100_000_000, available: 0))
    #expect(readingError([1, 0, 0], as: .safetensors)?.byteOffset == 0)
  }

  @Test func sharedAndUnusedBytesAreRefused() {
    let first = #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"#
    #expect(
      reason(first + #""b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}}"#, dataCount: 7)
        == .overlap)
    #expect(
      reason(first + #""b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, dataCount: 4)
        == .overlap)
    #expect(
      reason(first + #""b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}}"#, dataCount: 9)
        == .unusedBytes(count: 1))
    #expect(
      reason(first + #""b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#, dataCount: 10)
        == .unusedBytes(count: 2))
    #expect(
      reason(first + #""b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#, dataCount: 7)
        == .truncated(what: "the tensor", needed: 4, available: 3))
  }

  @Test func aTensorsBytesMustFollowFromItsShape() {
    func one(_ shape: String, _ offsets: String) -> CheckpointError.Reason? {
      reason(#"{"a":{"dtype":"F32","shape":\#(shape),"data_offsets":\#(offsets)}}"#, dataCount: 8)
    }
    #expect(one("[2]", "[0,8]") == nil)
    #expect(one("[3]", "[0,8]") == .sizeMismatch(needed: 12, found: 8))
    #expect(one("[]", "[0,8]") == .sizeMismatch(needed: 4, found: 8))
    #expect(one("[2]", "[8,0]") == .malformed("data_offsets end before they begin"))
    let half = Int.max / 2 + 1
    #expect(one("[\(half),4]", "[0,8]") == .invalidShape([half, 4]))
    #expect(one("[\(half)]", "[0,8]") == .invalidShape([half]))
    #expect(one("[18446744073709551615]", "[0,8]") == .invalidShape([.max]))
    #expect(one("[0,\(half),\(half)]", "[0,0]") == .invalidShape([0, half, half]))
    #expect(
      one("[2]", "[0,18446744073709551615]")
        == .truncated(what: "the tensor", needed: .max, available: 8))
    #expect(
      one("[" + Array(repeating: "1", count: 65).joined(separator: ",") + "]", "[0,8]")
        == .limitExceeded(what: "the number of axes", value: 65, limit: 64))
  }

  @Test func namesMustBeUnique() {
    let tensor = #"{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"#
    let error = readingError(file(#"{"a":\#(tensor),"\u0061":\#(tensor)}"#), as: .safetensors)
    #expect(error?.reason == .duplicateName)
    #expect(error?.tensorName == "a")
    #expect(error?.byteOffset == 8 + 5 + tensor.utf8.count + 1)
    #expect(reason(#"{"__metadata__":{"k":"1","k":"2"}}"#) == .duplicateName)
    #expect(reason(#"{"__metadata__":{},"__metadata__":{}}"#) == .duplicateName)
  }

  @Test(arguments: [
    "", " {}", "[]", "{", "}", "{}x", "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1}"#, #"{a:1}"#,
    #"{"__metadata__":{"a":1}}"#, #"{"__metadata__":{"a":null}}"#, #"{"__metadata__":[]}"#,
    #"{"__metadata__":{"a":"b",}}"#, #"{"__metadata__":{"a":"\x"}}"#,
    #"{"__metadata__":{"a":"\u12"}}"#, #"{"__metadata__":{"a":"\ud800"}}"#,
    #"{"__metadata__":{"a":"\ud800\u0041"}}"#, #"{"__metadata__":{"a":"\udc00"}}"#,
    "{\"__metadata__\":{\"a\":\"\n\"}}", "{\"__metadata__\":{\"a\":\"\\n\n\"}}",
    #"{"a":{"dtype":"U8","shape":[NaN],"data_offsets":[0,0]}}"#,
    #"{"a":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}"#,
    #"{"a":{"dtype":"U8","shape":[00],"data_offsets":[0,0]}}"#,
    #"{"a":{"dtype":"U8","shape":[0.0],"data_offsets":[0,0]}}"#,
    #"{"a":{"dtype":"U8","shape":[0e0],"data_offsets":[0,0]}}"#,
    #"{"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,0]}}"#,
    #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0]}}"#,
    #"{"a":{"dtype":"U8","shape":[0]}}"#, #"{"a":{"shape":[0],"data_offsets":[0,0]}}"#,
    #"{"a":{"dtype":"U8","data_offsets":[0,0]}}"#, #"{"a":{}}"#,
    #"{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#,
    #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"more":1}}"#,
    #"{"a":{"dtype":null,"shape":[0],"data_offsets":[0,0]}}"#,
    #"{"a":{"dtype":"U8","shape":[[0]],"data_offsets":[0,0]}}"#,
    #"{"a":{"dtype":"U8","shape":"0","data_offsets":[0,0]}}"#,
  ])
  func malformedHeadersAreLocated(_ header: String) throws {
    let error = try #require(readingError(file(header), as: .safetensors))
    let place = try #require(error.byteOffset)
    #expect((8...8 + header.utf8.count).contains(place))
    switch error.reason {
    case .malformed, .truncated: break
    default: Issue.record("\(error)")
    }
  }

  @Test func textThatIsNoUTF8IsRefused() {
    let header = Array(#"{"__metadata__":{"a":""#.utf8) + [0xC3, 0x28] + Array(#""}}"#.utf8)
    let error = readingError(
      UInt64(header.count).littleEndianBytes + header, as: .safetensors)
    #expect(error?.byteOffset == 8 + 22)
  }

  @Test func nestingTakesNoStack() {
    let deep = String(repeating: "[", count: 1_000_000)
    #expect(
      reason(#"{"a":{"dtype":"U8","shape":\#(deep)"#)
        == .malformed(
          "the header is malformed: a whole number that is not negative should stand here"))
  }

  @Test func cuttingTheFileAnywhereIsAnError() throws {
    let bytes = try TestFiles.bytes("simple-faster-rcnn.safetensors")
    let ends = Array(0..<4096) + stride(from: 4096, to: bytes.count, by: 9973)
    for end in ends {
      let error = readingError(Array(bytes[..<end]), as: .safetensors)
      #expect(error?.byteOffset != nil, "\(end) bytes")
    }
  }

  @Test func messagesNameTheTensorThePlaceAndTheRemedy() {
    let error = CheckpointError(
      .sizeMismatch(needed: 12, found: 8), byteOffset: 40, tensorName: "a\u{1B}[31m",
      path: "x.safetensors")
    #expect(
      error.description
        == "x.safetensors: 'a\\u{1b}[31m': type and shape need 12 bytes, and the file gives 8 "
        + "(at byte 40); the file is damaged or was made by a faulty program; save it again")
  }
}
