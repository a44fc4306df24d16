internal import Detection
public import Images

extension DetectionResult {
  /// What was found, to be drawn on the picture.
  ///
  /// - Parameter labels: the classes' names; a class without one is called by its number.
  /// - Returns: a box, a name and a score for each object.
  public func annotations(labels: [String]) -> [Annotation] {
    objects.map { object in
      let label =
        labels.indices.contains(object.classID) ? labels[object.classID] : "\(object.classID)"
      return Annotation(
        xMin: object.box.xMin, yMin: object.box.yMin, xMax: object.box.xMax, yMax: object.box.yMax,
        label: label, score: object.score, classID: object.classID)
    }
  }
}
