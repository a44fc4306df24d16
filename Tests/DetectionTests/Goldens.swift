import Detection
import Foundation
import Tensors

/// The arrays of `Fixtures/algorithms.safetensors`: what the reference implementations (PyTorch 2.15,
/// torchvision 0.29, chainercv 0.13.1, the notes' own code) answered, in float32.
struct Goldens {
  static let algorithms = Goldens(fixture: "algorithms.safetensors")

  private struct Entry: Decodable {
    let dtype: String
    let shape: [Int]
    let data_offsets: [Int]
  }

  private let entries: [String: Entry]
  private let payload: Data

  init(fixture: String) {
    do {
      let file = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(components: "Fixtures", fixture)
      let data = try Data(contentsOf: file)
      let headerSize = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
      entries = try JSONDecoder().decode(
        [String: Entry].self, from: data[8..<8 + headerSize])
      payload = data[(8 + headerSize)...]
    } catch {
      fatalError("the fixture \(fixture) cannot be read: \(error)")
    }
  }

  private func elements<Element: BitwiseCopyable>(
    _ name: String, _ dtype: String, as type: Element.Type
  ) -> (shape: [Int], values: [Element]) {
    guard let entry = entries[name], entry.dtype == dtype else {
      fatalError("there is no \(dtype) array \(name)")
    }
    let bytes = payload.dropFirst(entry.data_offsets[0])
      .prefix(entry.data_offsets[1] - entry.data_offsets[0])
    let size = MemoryLayout<Element>.size
    let values = unsafe bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / size).map {
        unsafe bytes.loadUnaligned(fromByteOffset: $0 * size, as: type)
      }
    }
    return (entry.shape, values)
  }

  /// A float32 array.
  func tensor(_ name: String) -> Tensor {
    let (shape, values) = elements(name, "F32", as: Float.self)
    return Tensor(shape: Shape(shape), values: values)
  }

  /// An int64 array.
  func integers(_ name: String) -> [Int] {
    elements(name, "I64", as: Int64.self).values.map(Int.init)
  }

  /// A float32 array `[n, 4]` as boxes, its columns y_min, x_min, y_max, x_max.
  func boxes(_ name: String) -> [BoundingBox] {
    let values = tensor(name).values
    return stride(from: 0, to: values.count, by: 4).map {
      BoundingBox(
        yMin: values[$0], xMin: values[$0 + 1], yMax: values[$0 + 2], xMax: values[$0 + 3])
    }
  }
}

/// The largest difference of two arrays, relative to the larger of a value and 1.
///
/// Golden floats are met within 1e-5 of this: float32 has a relative precision of 6e-8, and sums of some
/// hundred terms in another order differ by some ten units in the last place.
func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) { largest, pair in
    let difference = abs(pair.0 - pair.1) / max(1, abs(pair.1))
    return difference.isNaN ? .infinity : max(largest, difference)
  }
}
