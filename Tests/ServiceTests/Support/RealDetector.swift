import FasterRCNN
import Foundation
import Images

@testable import Service

/// The embedded model and the project's own picture, for what a fake cannot show.
enum RealDetector {
  static let shared = Result { try Detector(model: .embedded(), options: .init(threadCount: 2)) }

  /// The bytes of `docs/images/example.jpg`.
  static let example: [UInt8] = {
    let url = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../docs/images/example.jpg").standardizedFileURL
    return (try? Data(contentsOf: url)).map(Array.init) ?? []
  }()

  /// A service with the embedded model.
  static func service() async throws -> DetectionService {
    let detector = try shared.get()
    let service = DetectionService(settings: .testing())
    try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
      service.load(ModelSource { detector }, completion: { done.resume(with: $0.map { _ in }) })
    }
    return service
  }
}
