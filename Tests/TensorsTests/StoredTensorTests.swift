import Tensors
import Testing

@Suite struct StoredTensorTests {
  /// Twelve bytes: 0, 1, 2, ...
  private let storage = ByteStorage(copying: Array(0..<12))

  private func view(
    _ shape: Shape, strides: [Int]? = nil, offset: Int = 0, type: ElementType = .uint8
  ) -> StoredTensor? {
    StoredTensor(
      elementType: type, shape: shape, strides: strides, storage: storage, byteOffset: offset)
  }

  @Test func readsRowMajorElements() throws {
    let tensor = try #require(view([2, 3], offset: 4))
    #expect(tensor.float32Values() == [4, 5, 6, 7, 8, 9])
    #expect(tensor.strides == [3, 1])
    #expect(tensor.isContiguous)
    #expect(tensor.byteCount == 6)
  }

  @Test func honoursStridesAndOffset() throws {
    // The transpose of columns 1 to 2 of a 3 x 4 matrix.
    let tensor = try #require(view([2, 3], strides: [1, 4], offset: 1))
    #expect(!tensor.isContiguous)
    #expect(tensor.float32Values() == [1, 5, 9, 2, 6, 10])
    #expect(tensor.contiguousBytes() == [1, 5, 9, 2, 6, 10])
    #expect(tensor.flattened == nil)
  }

  @Test func wideElementsKeepTheirBytesThroughStrides() throws {
    let tensor = try #require(view([2, 3], strides: [1, 2], type: .int16))
    #expect(tensor.contiguousBytes() == [0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11])
  }

  @Test func repeatsAnAxisOfStrideZero() throws {
    let tensor = try #require(view([3, 2], strides: [0, 1], offset: 10))
    #expect(tensor.float32Values() == [10, 11, 10, 11, 10, 11])
  }

  @Test func readsScalarsAndNothing() throws {
    #expect(try #require(view([], offset: 11)).float32Values() == [11])
    #expect(try #require(view([3, 0, 2], offset: 12)).float32Values() == [])
    #expect(try #require(view([0], strides: [.max], offset: 12)).isContiguous)
  }

  @Test func extentsOfOneDoNotBreakContiguity() throws {
    #expect(try #require(view([1, 3, 1], strides: [99, 1, 55])).isContiguous)
  }

  @Test func everyElementMustLieInTheStorage() {
    #expect(view([12]) != nil)
    #expect(view([13]) == nil)
    #expect(view([12], offset: 1) == nil)
    #expect(view([], offset: 12) == nil)
    #expect(view([3], type: .int32) != nil)
    #expect(view([3], offset: 1, type: .int32) == nil)
    #expect(view([2, 2], strides: [8, 4]) == nil)
    #expect(view([2, 2], strides: [8, 3]) != nil)
  }

  @Test func hostilePlacesAreRefused() {
    #expect(view([1], offset: -1) == nil)
    #expect(view([0], offset: 13) == nil)
    #expect(view([1], offset: .max) == nil)
    #expect(view([2], strides: [-1]) == nil)
    #expect(view([2], strides: [.max]) == nil)
    #expect(view([3], strides: [.max]) == nil)
    #expect(view([2, 2], strides: [.max, .max]) == nil)
    #expect(view([2], strides: [1, 1]) == nil)
    // Elements that can be counted, but not in bytes.
    #expect(view([.max / 2], strides: [0], type: .float64) == nil)
  }

  @Test func slicesTheOutermostAxis() throws {
    let tensor = try #require(view([3, 2], strides: [4, 1]))
    #expect(tensor.slice(1..<3).float32Values() == [4, 5, 8, 9])
    #expect(tensor.slice(3..<3).shape == [0, 2])
    #expect(tensor.slice(0..<3).float32Values() == tensor.float32Values())
  }

  @Test func contiguousFloatsAreNotCopied() throws {
    let storage = ByteStorage(copying: [0, 0, 0, 0] + [0, 0, 128, 63, 0, 0, 0, 64])
    let tensor = try #require(
      StoredTensor(elementType: .float32, shape: [2], storage: storage, byteOffset: 4))
    let (values, address) = unsafe tensor.withFloat32Values {
      unsafe (Array($0), UInt(bitPattern: $0.baseAddress))
    }
    let base = unsafe storage.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    #expect(values == [1, 2])
    #expect(address == base + 4)
  }

  @Test func misalignedFloatsAreRead() throws {
    let storage = ByteStorage(copying: [9] + [0, 0, 128, 63, 0, 0, 0, 64])
    let tensor = try #require(
      StoredTensor(elementType: .float32, shape: [2], storage: storage, byteOffset: 1))
    #expect(tensor.float32Values() == [1, 2])
    let values = unsafe tensor.withFloat32Values { unsafe Array($0) }
    #expect(values == [1, 2])
  }
}
