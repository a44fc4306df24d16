public import Detection
public import Images

/// A picture with its objects, as augmentation leaves it: what one step learns from.
public struct TrainingExample: Sendable {
  /// An object of the picture.
  public struct Object: Sendable, Hashable {
    /// The box in pixels of the example's picture, half-open: its width is `xMax - xMin`.
    public var box: BoundingBox

    /// The class, an index into the model's labels.
    public var classIndex: Int

    /// Whether the object is left out, as those that a data set calls difficult.
    ///
    /// It is no target, as in simple-faster-rcnn; what overlaps it may be drawn as background.
    public var isIgnored: Bool

    /// Describes an object.
    public init(box: BoundingBox, classIndex: Int, isIgnored: Bool = false) {
      self.box = box
      self.classIndex = classIndex
      self.isIgnored = isIgnored
    }
  }

  /// What errors call the picture, as its file's name.
  public var name: String

  /// The picture; the trainer resizes and normalises it as the model's family does.
  public var picture: Image

  /// The objects; there may be none.
  public var objects: [Object]

  /// Makes an example.
  public init(name: String, picture: Image, objects: [Object]) {
    self.name = name
    self.picture = picture
    self.objects = objects
  }
}
