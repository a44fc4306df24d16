import Datasets
import Testing

@testable import TrainingData

@Suite struct PictureOrderTests {
  @Test func everyEpochShowsEachPictureOnce() {
    var order = PictureOrder(count: 13, seed: 5)
    var epochs: [[Int]] = []
    for epoch in 0..<3 {
      let places = (0..<13).map { order.place(at: epoch * 13 + $0) }
      #expect(places.allSatisfy { $0.epoch == epoch })
      #expect(places.map(\.index).sorted() == Array(0..<13))
      epochs.append(places.map(\.index))
    }
    #expect(epochs[0] != epochs[1] && epochs[1] != epochs[2])
  }

  @Test func anyPlaceIsFoundWithoutThoseBefore() {
    var whole = PictureOrder(count: 7, seed: 1)
    let all = (0..<30).map { whole.place(at: $0) }
    for position in [29, 3, 14, 13] {
      var fresh = PictureOrder(count: 7, seed: 1)
      #expect(fresh.place(at: position) == all[position])
    }
    var other = PictureOrder(count: 7, seed: 2)
    #expect((0..<30).map { other.place(at: $0) } != all)
  }

  @Test func theHeldBackShareHoldsWhenPicturesAreAdded() {
    func pictures(_ count: Int) -> [AnnotatedPicture] {
      (0..<count).map { AnnotatedPicture(name: "\($0)", path: "JPEGImages/\($0).jpg") }
    }
    let small = HeldBackShare.divide(pictures(100), share: 0.2, seed: 9)
    #expect(small.heldBack.count == 20 && small.training.count == 80)
    #expect(Set((small.heldBack + small.training).map(\.path)).count == 100)
    let large = HeldBackShare.divide(pictures(105), share: 0.2, seed: 9)
    let moved = Set(small.heldBack.map(\.path)).subtracting(large.heldBack.map(\.path))
    // Five more pictures give one more place; each of them can push out one at most.
    #expect(moved.count <= 5)
    #expect(
      HeldBackShare.divide(pictures(100), share: 0.2, seed: 8).heldBack != small.heldBack)
    #expect(HeldBackShare.divide(pictures(2), share: 0.01, seed: 0).heldBack.count == 1)
    #expect(HeldBackShare.divide(pictures(2), share: 0.99, seed: 0).training.count == 1)
    #expect(HeldBackShare.divide(pictures(1), share: 0.5, seed: 0).heldBack.isEmpty)
  }
}
