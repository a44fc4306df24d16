internal import Images
public import Datasets
internal import Detection
internal import Tensors
public import Training

/// The pictures of a dataset (PASCAL VOC, COCO, YOLO), with its labels as numbers.
///
/// Boxes are cut at the edges of their pictures; what lies outside, and what has a label that is not in
/// the list, is left out.
public struct AnnotatedSet: TrainingSet {
  /// The names of the classes.
  public let labels: [String]

  /// The pictures as the dataset has them.
  public let pictures: [AnnotatedPicture]

  /// What reads their files.
  public let reader: AnnotatedPictureReader

  private let classIDs: [String: Int]

  /// Makes a set.
  ///
  /// - Parameters:
  ///   - pictures: the pictures of a dataset, or some of them.
  ///   - labels: the classes in their order; traps where one stands there twice.
  ///   - reader: what reads the pictures' files.
  public init(pictures: [AnnotatedPicture], labels: [String], reader: AnnotatedPictureReader) {
    self.pictures = pictures
    self.labels = labels
    self.reader = reader
    classIDs = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
  }

  /// The same with other pictures.
  public func with(_ pictures: [AnnotatedPicture]) -> AnnotatedSet {
    AnnotatedSet(pictures: pictures, labels: labels, reader: reader)
  }

  /// The number of pictures.
  public var count: Int { pictures.count }

  /// The path of a picture's file.
  public func name(at index: Int) -> String { pictures[index].path }

  /// Reads a picture; see `TrainingSet`.
  public func example(at index: Int) throws(TrainingSetError) -> TrainingExample {
    let picture = pictures[index]
    let image = try reader.read(picture).image
    return TrainingExample(
      name: picture.path, picture: image, objects: objects(of: picture, in: image.size))
  }

  /// The class of a label; `nil` where it is not in the list.
  public func classID(of label: String) -> Int? { classIDs[label] }

  func objects(of picture: AnnotatedPicture, in size: PictureSize) -> [TrainingExample.Object] {
    picture.objects(in: size).compactMap { mark in
      guard let classID = classIDs[mark.label] else { return nil }
      let box = mark.box.clipped(to: size)
      guard box.width > 0, box.height > 0 else { return nil }
      return TrainingExample.Object(
        box: box, classIndex: classID, isIgnored: mark.isDifficult || mark.isCrowd)
    }
  }
}

extension BoundingBox {
  /// The part of the box that lies within a picture; no area is left of one that lies outside.
  func clipped(to size: PictureSize) -> BoundingBox {
    func clamp(_ value: Float, _ limit: Int) -> Float { min(max(value, 0), Float(limit)) }
    return BoundingBox(
      yMin: clamp(yMin, size.height), xMin: clamp(xMin, size.width),
      yMax: clamp(yMax, size.height), xMax: clamp(xMax, size.width))
  }
}
