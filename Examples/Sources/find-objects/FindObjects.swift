import Checkpoints
import Compute
import Detection
import FasterRCNN
import Images
import Tensors

/// Prints the objects in pictures: `find-objects [--model FILE] PICTURE...`.
@main struct FindObjects {
  static func main() async throws {
    var arguments = Array(CommandLine.arguments.dropFirst())
    var path: String?
    if arguments.first == "--model", arguments.count > 1 {
      path = arguments[1]
      arguments.removeFirst(2)
    }
    let detector = try Detector(model: open(path), options: .init(plan: plan))
    print("\(detector.model.name), \(detector.architectureName), \(detector.model.labels)")
    for name in arguments { try await printObjects(in: name, detector) }
  }

  /// bf16 where the CPU multiplies it, as `frcnn --precision auto`.
  private static var plan: PlanOptions {
    var options = PlanOptions()
    if PlanOptions.Precision.bfloat16.isSupported { options.precision = .bfloat16 }
    return options
  }

  /// Opens a checkpoint, or the model that is a part of the library.
  private static func open(_ path: String?) throws(ModelError) -> Model {
    guard let path else { return try .embedded() }
    do throws(ModelError) {
      return try .open(path)
    } catch {
      if case .checkpoint(let fault) = error, fault.reason == .unknownFormat {
        print("\(path) is no checkpoint")
      }
      throw error
    }
  }

  private static func printObjects(in name: String, _ detector: Detector) async throws {
    let picture = try ImageDecoder().decode(File.bytes(of: name)).image
    var parameters = DetectionParameters(scoreThreshold: 0.5)
    parameters.includesFeatures = true
    let result: DetectionResult
    do throws(DetectorError) {
      result = try await detector.result(of: .image(picture), parameters: parameters)
    } catch {
      if case .compute(let fault) = error { print("\(fault.operation) failed: \(fault.reason)") }
      throw error
    }
    print("\(name): \(result.imageSize.width)x\(result.imageSize.height)")
    for object in result.objects {
      let (box, label) = (object.box, detector.model.labels[object.classID])
      print("  \(label) \(object.score) at \(box.xMin), \(box.yMin) to \(box.xMax), \(box.yMax)")
    }
    // What the backbone computed, and the two stages behind it once more.
    guard let features = result.features else { return }
    print("  features \(features.levels.map(\.shape.description))")
    let again = try await detector.result(of: .features(features), parameters: parameters)
    let overlaps = zip(again.objects, result.objects).map {
      IntersectionOverUnion.of($0.box, $1.box)
    }
    print("  of its features the same: \(overlaps.allSatisfy { $0 > 0.99 })")
  }
}
