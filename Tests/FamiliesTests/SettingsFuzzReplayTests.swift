import FuzzCorpus
import Tensors
import Testing

/// A bounded run of the fuzz targets without libFuzzer.
struct SettingsFuzzReplayTests {
  @Test(arguments: SettingsFuzzTarget.allCases)
  func theCorpusAndItsMutationsBreakNoPromise(target: SettingsFuzzTarget) throws {
    var generator = SplitMix64(seed: 7)
    for original in try FuzzCorpus.inputs(of: target.rawValue) {
      target.run(original)
      for _ in 0..<200 {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
          let place = Int.random(in: 0..<bytes.count, using: &generator)
          switch Int.random(in: 0..<4, using: &generator) {
          case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
          case 1: bytes.remove(at: place)
          case 2:
            let source = Int.random(in: 0..<bytes.count, using: &generator)
            bytes.insert(
              contentsOf: bytes[source..<min(source + 16, bytes.count)], at: place)
          default: bytes.removeLast(bytes.count - place)
          }
        }
        target.run(bytes)
      }
    }
  }
}
