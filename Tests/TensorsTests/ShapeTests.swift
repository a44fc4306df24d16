import Tensors
import Testing

@Suite struct ShapeTests {
  @Test func countsElements() {
    #expect(Shape([2, 3, 4]).count == 24)
    #expect(Shape([]).count == 1)
    #expect(Shape([5, 0, 7]).count == 0)
    #expect(Shape([2, 3, 4])[1] == 3)
    #expect(Shape([2, 3, 4]).rank == 3)
  }

  @Test func stridesAreRowMajor() {
    #expect(Shape([2, 3, 4]).rowMajorStrides == [12, 4, 1])
    #expect(Shape([]).rowMajorStrides == [])
    #expect(Shape([7]).rowMajorStrides == [1])
    // An empty axis counts as one, as in NumPy and PyTorch.
    #expect(Shape([2, 0, 4]).rowMajorStrides == [4, 4, 1])
  }

  @Test(arguments: [
    [-1], [2, -3], [Int.max, 2], [1 << 32, 1 << 32], [Int.min],
    // A zero must not hide an overflow that the strides would meet.
    [0, 1 << 62, 1 << 62], [1 << 62, 1 << 62, 0],
  ])
  func impossibleExtentsAreRefused(_ dimensions: [Int]) {
    #expect(Shape(checking: dimensions) == nil)
  }

  @Test func theLargestCountIsAccepted() {
    #expect(Shape(checking: [Int.max])?.count == Int.max)
    #expect(Shape(checking: [Int.max, 0])?.count == 0)
  }

  @Test func describesItself() {
    #expect("\(Shape([1, 3, 600, 800]))" == "1x3x600x800")
    #expect("\(Shape([]))" == "scalar")
  }
}
