internal import Detection
public import Images
public import Training

extension TrainingExample {
  /// The picture with its boxes drawn: what the network is shown, for a person to look at.
  ///
  /// - Parameter labels: the names of the classes.
  /// - Returns: a picture of the same size.
  public func drawn(labels: [String]) -> Image {
    picture.annotated(
      with: objects.map { object in
        Annotation(
          xMin: object.box.xMin, yMin: object.box.yMin, xMax: object.box.xMax,
          yMax: object.box.yMax,
          label: labels.indices.contains(object.classIndex) ? labels[object.classIndex] : "?",
          score: nil, classID: object.classIndex)
      })
  }
}
