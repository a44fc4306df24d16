import Glibc
import Tensors
import Testing

/// Conversions against what NumPy and PyTorch made of the same bits (`scripts/fixtures/tensors.py`).
///
/// They are exact: widening has one right answer, and so has rounding to nearest, ties to even.
@Suite struct ConversionTests {
  private func fixture(_ name: String) throws -> ByteStorage {
    let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    return try ByteStorage.mapping(path: "/\(folder)/Fixtures/\(name)")
  }

  private func floats(_ name: String) throws -> [Float] {
    let storage = try fixture(name)
    let tensor = StoredTensor(
      elementType: .float32, shape: [storage.count / 4], storage: storage, byteOffset: 0)
    return try #require(tensor).float32Values()
  }

  private func expectSame(_ found: [Float], _ expected: [Float]) {
    #expect(found.count == expected.count)
    let wrong = zip(found, expected).enumerated().filter { _, pair in
      pair.0.bitPattern != pair.1.bitPattern && !(pair.0.isNaN && pair.1.isNaN)
    }
    #expect(wrong.isEmpty, "first: \(String(describing: wrong.first))")
  }

  @Test func everyFloat16WidensAsInNumPy() throws {
    let codes = (0..<65536).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    let tensor = StoredTensor(
      elementType: .float16, shape: [65536], storage: ByteStorage(copying: codes), byteOffset: 0)
    expectSame(try #require(tensor).float32Values(), try floats("float16.float32"))
  }

  /// So large that the copy has pages of its own: every code four times and a half, and its golden as often.
  @Test func aLargeTensorIsLentAsItIsConverted() throws {
    let codes = (0..<65536).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    let (all, golden) = (Array(repeating: codes, count: 5), try floats("float16.float32"))
    let count = 65536 * 9 / 2
    let tensor = StoredTensor(
      elementType: .float16, shape: [count],
      storage: ByteStorage(copying: Array(all.joined().prefix(2 * count))), byteOffset: 0)
    let found = unsafe try #require(tensor).withFloat32Values { unsafe Array($0) }
    expectSame(found, Array(Array(repeating: golden, count: 5).joined().prefix(count)))
  }

  @Test(arguments: [
    (ElementType.float8e4m3fn, "float8e4m3fn"), (.float8e4m3fnuz, "float8e4m3fnuz"),
    (.float8e5m2, "float8e5m2"), (.float8e5m2fnuz, "float8e5m2fnuz"),
    (.float8e8m0fnu, "float8e8m0fnu"),
  ])
  func everyFloat8WidensAsInPyTorch(_ type: ElementType, _ name: String) throws {
    let storage = ByteStorage(copying: Array(0...255))
    let tensor = StoredTensor(
      elementType: type, shape: [256], storage: storage, byteOffset: 0)
    expectSame(try #require(tensor).float32Values(), try floats("\(name).float32"))
  }

  @Test(arguments: [(ElementType.float16, "narrow.float16"), (.bfloat16, "narrow.bfloat16")])
  func floatsNarrowAsInNumPyAndPyTorch(_ type: ElementType, _ name: String) throws {
    let values = try fixture("narrow.float32")
    let tensor = try #require(
      StoredTensor(
        elementType: .float32, shape: [values.count / 4], storage: values, byteOffset: 0))
    let narrowed = try #require(
      StoredTensor(
        elementType: type, shape: tensor.shape,
        storage: ByteStorage(copying: tensor.contiguousBytes(as: type)), byteOffset: 0))
    let expected = try #require(
      StoredTensor(
        elementType: type, shape: tensor.shape, storage: try fixture(name), byteOffset: 0))
    // Compared as the wider type: the payload of a NaN is the only freedom.
    expectSame(narrowed.float32Values(), expected.float32Values())
  }

  @Test func integersAndBooleansBecomeFloats() throws {
    func values(_ type: ElementType, _ bytes: [UInt8]) throws -> [Float] {
      let storage = ByteStorage(copying: bytes)
      let shape = Shape([bytes.count / type.byteCount])
      return try #require(
        StoredTensor(elementType: type, shape: shape, storage: storage, byteOffset: 0)
      ).float32Values()
    }
    #expect(try values(.bool, [0, 1, 255]) == [0, 1, 1])
    #expect(try values(.int8, [0xFF, 0x80]) == [-1, -128])
    #expect(try values(.uint8, [0xFF]) == [255])
    #expect(try values(.int16, [0xFE, 0xFF]) == [-2])
    #expect(try values(.uint16, [0xFE, 0xFF]) == [65534])
    #expect(try values(.int32, [0, 0, 0, 0x80]) == [-2_147_483_648])
    #expect(try values(.uint32, [0, 0, 0, 0x80]) == [2_147_483_648])
    #expect(try values(.int64, [UInt8](repeating: 0xFF, count: 8)) == [-1])
    #expect(try values(.uint64, [0, 0, 0, 0, 0, 0, 0, 0x80]) == [9_223_372_036_854_775_808])
    // -1.5 as a binary64.
    #expect(try values(.float64, [0, 0, 0, 0, 0, 0, 0xF8, 0xBF]) == [-1.5])
    // 0x3FC0 is 1.5 as a bfloat16.
    #expect(try values(.bfloat16, [0xC0, 0x3F]) == [1.5])
  }
}
