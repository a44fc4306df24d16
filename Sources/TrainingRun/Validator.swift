internal import Evaluation
internal import FasterRCNN
public import Tensors
internal import Training
public import TrainingData
public import TrainingReport

/// Measures a model on pictures that it is not trained on, through the code that serves it.
public struct Validator: Sendable {
  /// The pictures.
  public let set: any TrainingSet

  /// The threads that compute.
  public let threadCount: Int

  /// From which score on detections are looked at, as `frcnn evaluate` does.
  public let scoreThreshold: Float

  /// Makes a validator.
  ///
  /// - Parameters:
  ///   - set: the pictures, and the labels that the model was trained with.
  ///   - threadCount: the threads that compute.
  ///   - scoreThreshold: from which score on detections are looked at.
  public init(_ set: any TrainingSet, threadCount: Int, scoreThreshold: Float = 0.05) {
    self.set = set
    self.threadCount = threadCount
    self.scoreThreshold = scoreThreshold
  }

  /// Looks at all pictures with a model.
  ///
  /// - Parameters:
  ///   - model: a file's contents, as `Trainer.model` gives them.
  ///   - errorCount: how many of the worst mistakes are kept as pictures.
  ///   - isCancelled: asked between pictures; the work ends once it is true.
  ///   - progress: told how many pictures are done.
  /// - Returns: the review; `nil` where it was cancelled.
  /// - Throws: `RunError` where the model or a picture cannot be used.
  public func review(
    _ model: StateDictionary, errorCount: Int = 0, isCancelled: () -> Bool = { false },
    progress: (_ done: Int) -> Void = { _ in }
  ) throws(RunError) -> DetectionReview? {
    let detector = try detector(of: model)
    var review = DetectionReview(labels: set.labels, errorCount: errorCount)
    for index in 0..<set.count {
      if isCancelled() { return nil }
      progress(index)
      let example: TrainingExample
      do throws(TrainingSetError) {
        example = try set.example(at: index)
      } catch {
        throw .picture(error)
      }
      let result: DetectionResult
      do throws(DetectorError) {
        result = try detector.detect(
          .image(example.picture),
          parameters: DetectionParameters(scoreThreshold: scoreThreshold))
      } catch {
        throw .detector(name: example.name, error)
      }
      review.add(
        name: example.name, image: example.picture,
        detections: result.objects.map {
          ScoredBox(box: $0.box, classID: $0.classID, score: $0.score)
        },
        groundTruth: example.objects.map {
          GroundTruthObject(
            box: $0.box, classID: $0.classIndex, isDifficult: $0.isIgnored)
        })
    }
    return review
  }

  private func detector(of model: StateDictionary) throws(RunError) -> Detector {
    let opened: Model
    do throws(ModelError) {
      opened = try Model.open(contentsOf: model)
    } catch {
      throw .model(error)
    }
    do throws(DetectorError) {
      return try Detector(model: opened, options: .init(threadCount: threadCount))
    } catch {
      throw .detector(name: "the model", error)
    }
  }
}
