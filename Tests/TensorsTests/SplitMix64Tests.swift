import Tensors
import Testing

/// The random numbers behind a sample.
struct SplitMix64Tests {
  @Test
  func theSequenceOfSeed0IsThePublishedOne() {
    // The first numbers of Vigna's splitmix64.c with a state of 0.
    var generator = SplitMix64(seed: 0)
    let numbers = (0..<3).map { _ in generator.next() }
    #expect(numbers == [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F])
  }

  @Test
  func aDrawTakesEachElementAtMostOnceAndAllWhereThereAreTooFew() {
    var generator = SplitMix64(seed: 7)
    let elements = Array(0..<50)
    let drawn = elements.drawing(20, using: &generator)
    #expect(Set(drawn).count == 20)
    #expect(Set(drawn).isSubset(of: elements))
    #expect(elements.drawing(80, using: &generator).sorted() == elements)
    #expect(elements.drawing(0, using: &generator).isEmpty)
    #expect([].drawing(3, using: &generator).isEmpty)
  }

  @Test
  func everyElementIsDrawnAboutAsOften() {
    var generator = SplitMix64(seed: 3)
    var counts = [Int](repeating: 0, count: 10)
    for _ in 0..<10_000 {
      for element in Array(0..<10).drawing(3, using: &generator) { counts[element] += 1 }
    }
    // 3,000 expected, standard deviation 46: five of them, for this one seed.
    #expect(counts.allSatisfy { abs($0 - 3_000) < 230 })
  }
}
