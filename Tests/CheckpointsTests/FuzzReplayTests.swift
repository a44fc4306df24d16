import FuzzCorpus
import Tensors
import Testing

/// A bounded run of the fuzz targets without libFuzzer.
///
/// Every file of the corpus is read, and seeded mutations of it; `scripts/fuzz` runs the
/// same targets for as long as one likes.
@Suite struct FuzzReplayTests {
  private static let interesting: [[UInt8]] = [
    [0], [0xFF], [0x7F], [0x80], [0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0x7F],
    [0xFF, 0xFF, 0xFF, 0xFF], [UInt8](repeating: 0xFF, count: 8),
    [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [UInt8](repeating: 0, count: 8),
  ]

  private func mutate(_ bytes: [UInt8], _ generator: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1: bytes[place] = UInt8.random(in: 0...255, using: &generator)
      case 2:
        let value = Self.interesting.randomElement(using: &generator) ?? []
        bytes.replaceSubrange(place..<min(place + value.count, bytes.count), with: value)
      case 3: bytes.removeSubrange(place..<min(place + 8, bytes.count))
      case 4:
        let source = Int.random(in: 0..<bytes.count, using: &generator)
        bytes.insert(contentsOf: bytes[source..<min(source + 16, bytes.count)], at: place)
      default: bytes.removeLast(bytes.count - place)
      }
    }
    return bytes
  }

  @Test(arguments: FuzzTarget.allCases)
  func theCorpusAndItsMutationsBreakNoPromise(_ target: FuzzTarget) throws {
    let corpus = try FuzzCorpus.inputs(of: target.rawValue)
    for bytes in corpus { target.run(bytes) }
    var generator = SplitMix64(seed: 0x5EED)
    let start = ContinuousClock.now
    var count = 0
    // By time, so that a slow machine is not held up, and by count, so that a fast one is not.
    while count < 2000, ContinuousClock.now - start < .seconds(2) {
      target.run(mutate(corpus.randomElement(using: &generator) ?? [], &generator))
      count += 1
    }
    #expect(count > 0)
  }
}
